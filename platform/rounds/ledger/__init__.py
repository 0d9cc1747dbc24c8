"""What is known of the rounds that have been: events, and the folder of each round"""
