"""The page across rounds: what each one gained, cost and did to the data"""
