"""xret's own dense index folders as stores.

making.py    made, opened and dropped
store.py     the store: what is opened is opened anew when the folder, or where an alias leads, was changed
hybrid.py    what is kept beside the vectors, for hybrid searches
words.py     words: a lexical index that follows the dense one
tiles.py     token weights
links.py     aliases: links between folders, replaced in one step
"""
