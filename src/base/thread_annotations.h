// SPDX-License-Identifier: MIT
//
// Names for clang's thread-safety attributes; nothing under other compilers. What they mean is in
// clang's "Thread Safety Analysis" document.

#ifndef OVERPASS_BASE_THREAD_ANNOTATIONS_H_
#define OVERPASS_BASE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define OVERPASS_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define OVERPASS_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) OVERPASS_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY OVERPASS_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) OVERPASS_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) OVERPASS_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) OVERPASS_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) OVERPASS_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) OVERPASS_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) OVERPASS_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) OVERPASS_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) OVERPASS_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) OVERPASS_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS OVERPASS_THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif  // OVERPASS_BASE_THREAD_ANNOTATIONS_H_
