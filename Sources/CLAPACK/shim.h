#include <stddef.h>

/* The few routines of OpenBLAS that we call, declared as the Fortran and CBLAS interfaces define them:
   Debian's cblas.h lies in a folder that differs between machines. */
enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112, CblasUpper = 121, CblasLower = 122,
       CblasNonUnit = 131, CblasLeft = 141 };

void cblas_dgemm(int order, int transA, int transB, int M, int N, int K, double alpha, const double *A, int lda,
                 const double *B, int ldb, double beta, double *C, int ldc);
void cblas_dsyrk(int order, int uplo, int trans, int N, int K, double alpha, const double *A, int lda, double beta,
                 double *C, int ldc);
void cblas_dtrsm(int order, int side, int uplo, int transA, int diag, int M, int N, double alpha, const double *A,
                 int lda, double *B, int ldb);
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b,
             const int *ldb, int *info);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info);

/* The name of the processor type whose kernels OpenBLAS uses. */
char *openblas_get_corename(void);
