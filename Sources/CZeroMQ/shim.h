#ifndef WSPERF_CZEROMQ_SHIM_H
#define WSPERF_CZEROMQ_SHIM_H

// Glibc's Swift module leaves these two out.
#include <sys/eventfd.h>
int pipe2(int descriptors[2], int flags);

#include <zmq.h>

#endif
