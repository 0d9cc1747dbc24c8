"""What a round was worth: accuracy on the same validation images, and whether it is a gain beyond noise"""
