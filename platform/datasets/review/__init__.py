"""``python -m platform.data labels``: a page on which a person says whether labels are right"""
