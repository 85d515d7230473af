"""Training of a hybrid model's token head for MaxSim, its trunk frozen: `xret models token-head`.

options.py   the options, and those of the data that it shares with distillation
trunk.py     the model, opened for it
preparation.py  tokens of the texts
head.py      the head in PyTorch
maxsim.py    weighted, faded MaxSim of a batch, with its gradient
batches.py   what a step compares
loss.py      what is asked of it
dev.py       how good it is on held-out pairs
train.py     the loop
folder.py    the model folder with the head in it
making.py    all of it: pairs in, model folder out
"""
