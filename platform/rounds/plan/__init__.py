"""What the YAML of rounds says, checked with its space, and the command line of each sweep"""
