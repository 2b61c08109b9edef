"""The shipped sources, and the text handling that training and serving share."""
