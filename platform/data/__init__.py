"""The commands python -m platform.data VERB, one verb a file"""
