/* Another BLAS under the names by which numpy's wheels call theirs: loaded before it (LD_PRELOAD), it answers instead.

   Products are plain loops, in the order of their indices. With TELIC_BLAS set to a library that has CBLAS with 64-bit
   whole numbers under names that end in _64 (MKL's libmkl_rt), that library answers instead of the loops. At the end it
   says on stderr how many products it answered, so that a test can tell that it was asked at all. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef int64_t n_t;
enum { ROW = 101, PLAIN = 111 };

static long answered;
static void *library;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TELIC_BLAS");
    if (path && *path && !(library = dlopen(path, RTLD_NOW | RTLD_GLOBAL))) {
        fprintf(stderr, "other_blas: %s\n", dlerror());
        abort();
    }
}

__attribute__((destructor)) static void end(void) { fprintf(stderr, "other_blas answered %ld\n", answered); }

static void *of_library(const char *name) {
    void *found = library ? dlsym(library, name) : NULL;
    if (library && !found) {
        fprintf(stderr, "other_blas: no %s\n", name);
        abort();
    }
    return found;
}

/* Element (i, j) of a matrix that is stored by rows or not, and meant as it is or on its side. */
static inline n_t at(int order, int trans, n_t ld, n_t i, n_t j) {
    return ((order == ROW) == (trans == PLAIN)) ? i * ld + j : j * ld + i;
}

#define BLAS(T, C)                                                                                                     \
    void scipy_cblas_##C##gemm64_(int order, int ta, int tb, n_t m, n_t n, n_t k, T alpha, const T *a, n_t lda,        \
                                  const T *b, n_t ldb, T beta, T *c, n_t ldc) {                                        \
        answered++;                                                                                                    \
        void (*f)(int, int, int, n_t, n_t, n_t, T, const T *, n_t, const T *, n_t, T, T *, n_t) =                      \
            of_library("cblas_" #C "gemm_64");                                                                         \
        if (f) {                                                                                                       \
            f(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                                            \
            return;                                                                                                    \
        }                                                                                                              \
        for (n_t i = 0; i < m; i++)                                                                                    \
            for (n_t j = 0; j < n; j++) {                                                                              \
                T sum = 0, *to = c + at(order, PLAIN, ldc, i, j);                                                      \
                for (n_t l = 0; l < k; l++) sum += a[at(order, ta, lda, i, l)] * b[at(order, tb, ldb, l, j)];          \
                *to = alpha * sum + (beta == 0 ? 0 : beta * *to);                                                      \
            }                                                                                                          \
    }                                                                                                                  \
    void scipy_cblas_##C##gemv64_(int order, int ta, n_t m, n_t n, T alpha, const T *a, n_t lda, const T *x, n_t incx, \
                                  T beta, T *y, n_t incy) {                                                            \
        answered++;                                                                                                    \
        void (*f)(int, int, n_t, n_t, T, const T *, n_t, const T *, n_t, T, T *, n_t) =                                \
            of_library("cblas_" #C "gemv_64");                                                                         \
        if (f) {                                                                                                       \
            f(order, ta, m, n, alpha, a, lda, x, incx, beta, y, incy);                                                 \
            return;                                                                                                    \
        }                                                                                                              \
        n_t rows = ta == PLAIN ? m : n, columns = ta == PLAIN ? n : m;                                                 \
        for (n_t i = 0; i < rows; i++) {                                                                               \
            T sum = 0, *to = y + i * incy;                                                                             \
            for (n_t l = 0; l < columns; l++) sum += a[at(order, ta, lda, i, l)] * x[l * incx];                        \
            *to = alpha * sum + (beta == 0 ? 0 : beta * *to);                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    T scipy_cblas_##C##dot64_(n_t n, const T *x, n_t incx, const T *y, n_t incy) {                                     \
        answered++;                                                                                                    \
        T (*f)(n_t, const T *, n_t, const T *, n_t) = of_library("cblas_" #C "dot_64");                                \
        if (f) return f(n, x, incx, y, incy);                                                                          \
        T sum = 0;                                                                                                     \
        for (n_t l = 0; l < n; l++) sum += x[l * incx] * y[l * incy];                                                  \
        return sum;                                                                                                    \
    }

BLAS(double, d)
BLAS(float, s)
