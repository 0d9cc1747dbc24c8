"""Images of an audit that look like given examples of noise"""
