"""A network in float64 from its input to its output, with its weights in a file of their own.
Expected: computed in float32, and written in float64, also the layer that is kept: 4,978 -> 850 parameters.
"""
from support import T, save_in

save_in(T.DOUBLE, external=True)
