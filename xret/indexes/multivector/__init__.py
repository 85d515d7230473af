"""A multi-vector index: token vectors as centroid and coded residual, searched by MaxSim.

layout.py     the folder and its manifest
tokens.py     where token vectors come from
reading.py    a few documents at a time, looked at
pooling.py    fewer vectors for a document
centroids.py  k-means, and the nearest centroid
codec.py      residuals in a few bits
basis.py      fewer dimensions, where vectors fill no more
training.py   centroids and codec from a sample, and what they lose
postings.py   which documents have a token near a centroid
segments.py   a run of documents: written, joined, opened
growing.py    documents to parts
spread.py     their coding by an engine
build.py      a new index
change.py     documents added, replaced, deleted; segments joined
opened.py     an index opened, memory-mapped
sweep.py      candidates from centroids alone
maxsim.py     exact MaxSim over stored codes
asking.py     one query through an index
search.py     the best k documents of every query
naming.py     between row numbers and names
check.py      whether an index is what its manifest says
verbs.py      what commands and stages call
"""
