"""What an audit finds in images: its folder, its findings, and what they rest on"""
