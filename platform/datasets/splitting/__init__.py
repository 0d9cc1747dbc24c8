"""Splits into train, val and test that cut no group of copies, and files laid out by them"""
