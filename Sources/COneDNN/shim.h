#include <dnnl.h>

/* GCC's omp.h is not on Clang's search path; these are the calls of it that we need. */
void omp_set_num_threads(int);
int omp_get_max_threads(void);

/* What the compiler makes of `#pragma omp parallel`: part of the ABI of GCC's libgomp, whose threads are oneDNN's. */
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
