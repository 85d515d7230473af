"""`xret serve`: indexes behind an HTTP API. Importing this loads neither FastAPI nor NumPy.

schema.py        what is asked and answered
limits.py        what a server takes on
failures.py      how it says no
keys.py          who may ask
gate.py          what every request passes: ids, key, limits, headers, counters
generation.py    one state of a system: an index, opened and verified
generations.py   the systems, and how the state of one is replaced under load
batching.py      queries that come together are answered together
asking.py        a batch of them: encode once, search, and what a request wants beyond that
rows.py          the hits of a query between search and answer
refining.py      fuse, rerank, calibrate
matches.py       which parts of a text match a query
remembering.py   vectors of documents that were lately looked into
scoring.py       vectors and scores of texts that a request brings
checks.py        requests against limits and systems
systems.py       what a system says of itself
state.py         what the parts share
metrics.py       counters
app.py           the endpoints
addresses.py     where a server listens
connections.py   connections that hold on without getting on
server.py        sockets, signals, the end
page/            the search page
"""
