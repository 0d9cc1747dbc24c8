"""Run rounds one after another, go on where they were killed, and take the last one back"""
