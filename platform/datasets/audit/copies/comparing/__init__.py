"""How pictures are compared: small squares of them, descriptors, hashes, neighbours, one laid over another"""
