"""Users' data as it comes: seven file formats, any encoding, gzip or not, read row by row."""
