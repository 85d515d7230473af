"""xret's own dense index folders as stores.

store.py     the store: what is opened is opened anew when the folder, or where an alias leads, was changed
links.py     aliases: links between folders, replaced in one step
"""
