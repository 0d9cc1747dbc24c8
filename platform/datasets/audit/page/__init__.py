"""``index.html``: what an audit found, in one file that loads nothing from elsewhere"""
