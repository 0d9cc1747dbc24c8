"""What a round learns from: splits that stay, pseudo-labels, and what was done to training images"""
