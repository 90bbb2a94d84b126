#include <dnnl.h>

/* GCC's omp.h is not on Clang's search path; these are the calls of it that we need. */
void omp_set_num_threads(int);
int omp_get_max_threads(void);
