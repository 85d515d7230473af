"""Maps fitted to a finished model's sentence vectors, after training: `xret models adapt`.

plan.py           which steps, and in which order
closed_forms.py   each step from vectors, without iterations
examples.py       the pairs: read, held out, encoded
fitting.py        all steps, composed to one affine map for each language
measuring.py      retrieval and isotropy of the held-out pairs
saving.py         the model folder with the map in it
adaptation.py     `adapt`: from files to before, after and the folder

Every step is affine, so that what is saved is one matrix and one offset (or one for each language), applied inside the
graph to vectors of length 1, whose result is brought to length 1 again.
"""
