"""From findings to a manifest: what to do with each image, decided by a policy and by people"""
