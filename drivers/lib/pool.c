/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a device, among which the ranges of a phase are shared. The caller's thread takes the first range, so
 * one thread needs none of this: no thread is started before a phase can be cut. */
#define _GNU_SOURCE
#include "internal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tw_worker {
  struct tw_pool *pool;
  pthread_t thread;
  uint32_t range; /* that it runs: 1 for the first worker */
};

struct tw_pool {
  pthread_mutex_t mutex;    /* of all below */
  pthread_cond_t begun;     /* a phase, or the end */
  pthread_cond_t ended;     /* the last range of a worker */
  uint64_t phases;          /* begun so far */
  struct tw_ranges *ranges; /* of the last: there until its ranges have ended */
  uint32_t count;           /* of its ranges, for workers without one, who may be late */
  uint32_t busy;            /* workers whose range has not ended */
  int is_closing;
  uint32_t worker_count;
  struct tw_worker workers[TW_MOST_THREADS - 1];
};

uint32_t tw_pool_cut(uint32_t threads, uint64_t extent, uint64_t grain) {
  const uint64_t worth = extent / grain;
  return worth < threads ? (uint32_t)worth : threads;
}

/* Where range `range` of `count` begins: at a multiple of the grain; the last ranges have one grain more than the first
 * where they cannot be equal, so that the end of the extent, which may be less than a grain, is none of its own. */
static uint64_t begin_of(const struct tw_ranges *r, uint32_t range) {
  const uint64_t grains = r->extent / r->grain + (r->extent % r->grain != 0);
  const uint64_t shorter = r->count - grains % r->count; /* ranges */
  const uint64_t before = grains / r->count * range + (range > shorter ? range - shorter : 0);
  return before == grains ? r->extent : before * r->grain;
}

static int run_range(const struct tw_ranges *r, uint32_t range) {
  return r->function(r->buffers, r->dims, r->scratch + range * r->private_bytes, (int64_t)begin_of(r, range),
                     (int64_t)begin_of(r, range + 1));
}

static void *work(void *argument) {
  struct tw_worker *worker = argument;
  struct tw_pool *pool = worker->pool;
  uint64_t seen = 0;
  pthread_mutex_lock(&pool->mutex);
  for (;;) {
    while (pool->phases == seen && !pool->is_closing)
      pthread_cond_wait(&pool->begun, &pool->mutex);
    if (pool->is_closing)
      break;
    seen = pool->phases;
    if (worker->range < pool->count) {
      struct tw_ranges *ranges = pool->ranges;
      pthread_mutex_unlock(&pool->mutex);
      ranges->results[worker->range] = run_range(ranges, worker->range);
      pthread_mutex_lock(&pool->mutex);
      pool->busy -= 1;
      if (pool->busy == 0)
        pthread_cond_signal(&pool->ended);
    }
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

static void close_pool(struct tw_pool *pool) {
  uint32_t i;
  pthread_mutex_lock(&pool->mutex);
  pool->is_closing = 1;
  pthread_cond_broadcast(&pool->begun);
  pthread_mutex_unlock(&pool->mutex);
  for (i = 0; i < pool->worker_count; ++i)
    pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->ended);
  pthread_cond_destroy(&pool->begun);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

static enum tw_status open_pool(struct tw_device *device, struct tw_error *error) {
  struct tw_pool *pool = calloc(1, sizeof *pool);
  sigset_t all, before;
  int reason = 0;
  uint32_t i;
  if (!pool)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for %u threads", device->threads);
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->begun, NULL);
  pthread_cond_init(&pool->ended, NULL);
  sigfillset(&all); /* the caller's handlers run in the caller's threads */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (i = 0; i + 1 < device->threads && reason == 0; ++i) {
    struct tw_worker *worker = &pool->workers[i];
    worker->pool = pool;
    worker->range = i + 1;
    reason = pthread_create(&worker->thread, NULL, work, worker);
    pool->worker_count += reason == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (reason != 0) {
    const uint32_t started = pool->worker_count + 1;
    close_pool(pool);
    return tw_fail(error, TW_ERROR_NO_MEMORY, "%u threads are wanted, and after %u the system refuses one more: %s",
                   device->threads, started, strerror(reason));
  }
  device->pool = pool;
  return TW_OK;
}

enum tw_status tw_pool_run(struct tw_device *device, struct tw_ranges *ranges, struct tw_error *error) {
  struct tw_pool *pool;
  ranges->count = tw_pool_cut(device->threads, ranges->extent, ranges->grain);
  memset(ranges->results, 0, sizeof ranges->results);
  if (ranges->count > 1 && !device->pool) {
    const enum tw_status status = open_pool(device, error);
    if (status != TW_OK)
      return status;
  }
  if (ranges->count > 1) {
    pool = device->pool;
    pthread_mutex_lock(&pool->mutex);
    pool->ranges = ranges;
    pool->count = ranges->count;
    pool->busy = ranges->count - 1;
    pool->phases += 1;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->mutex);
  }
  ranges->results[0] = run_range(ranges, 0);
  if (ranges->count > 1) {
    pthread_mutex_lock(&pool->mutex);
    while (pool->busy != 0)
      pthread_cond_wait(&pool->ended, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
  }
  return TW_OK;
}

void tw_pool_close(struct tw_device *device) {
  if (device->pool)
    close_pool(device->pool);
  device->pool = NULL;
}

enum tw_status tw_device_threads(struct tw_device *device, uint32_t threads, struct tw_error *error) {
  if (threads > TW_MOST_THREADS)
    return tw_fail(error, TW_ERROR_ARGUMENT, "%u threads, at most %u", threads, TW_MOST_THREADS);
  if (threads == 0) {
    cpu_set_t allowed;
    int count = 1;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
      count = CPU_COUNT(&allowed);
    threads = count < (int)TW_MOST_THREADS ? (uint32_t)count : TW_MOST_THREADS;
  }
  if (threads != device->threads)
    tw_pool_close(device);
  device->threads = threads;
  return TW_OK;
}
