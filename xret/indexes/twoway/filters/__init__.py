"""What finds the few pairs of two blocks that may be among somebody's k best.

similarity.py  block products in float32, and the exact cosines of pairs
int8.py        block products in bytes; steps.py how vectors become bytes
arithmetic.py  which of the two suits the processor
blocks.py      the pairs that matter, picked out of a block product in memory
device.py      the same on a GPU
"""
