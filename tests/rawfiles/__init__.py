"""Small raw files in the exact formats of the datasets' cards, drawn and not real.

A module for each reader, named as its module, with `write(folder, name)`: it writes all raw files
of the dataset `name` into `folder`, as the card names them. They hold enough for every protocol.
"""
