"""A network in float16 from its input to its output, as half-precision converters write it without keep_io_types.
Expected: computed in float32, and written in float16: 4,978 -> 850 parameters.
"""
from support import T, save_in

save_in(T.FLOAT16)
