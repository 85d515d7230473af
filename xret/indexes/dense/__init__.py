"""A dense index: a folder with FAISS files, ids, languages and texts, and a manifest that names them.

layout.py     the folder and its manifest
rows.py       ids, languages and texts, in Arrow
training.py   FAISS indexes made, trained, written and read
parts.py      runs of rows, each searchable on its own
build.py      a new index
change.py     rows added and deleted
opened.py     an index opened, memory-mapped
probing.py    one block of queries against one part
search.py     the best k over all parts
named.py      the same with names, as a run
tuning.py     how many lists a query must look into
check.py      whether an index is what its manifest says
"""
