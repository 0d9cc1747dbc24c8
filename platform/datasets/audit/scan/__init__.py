"""One resumable pass over the files of a listing: what each image is, what it measures, what is wrong"""
