"""Which images are copies of one another: found by hashes and small pictures, confirmed on pixels"""
