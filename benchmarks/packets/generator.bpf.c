// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// A source and a sink of packets for benchmarks/forwarding_rate.py. `source` is run by the kernel
// on frames that go on into its stack (BPF_F_TEST_XDP_LIVE_FRAMES); `sink` counts what arrives.

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME 128
#define LAST_WORD (14 + 24 + 12)
#define NEXT_HEADER (14 + 6)
#define ICMPV6 58

struct plan {
    __u32 destinations;
    __u32 zero;
    __u64 frame[FRAME / 8];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct plan);
} plans SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} arrived SEC(".maps");

// Frames come back as the stack left them, so each is written anew.
SEC("xdp")
int source(struct xdp_md *context)
{
    void *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
    __u32 first = 0;
    struct plan *plan = bpf_map_lookup_elem(&plans, &first);

    if (!plan || data + FRAME > end)
        return XDP_DROP;
    __builtin_memcpy(data, plan->frame, FRAME);
    *(__be32 *)(data + LAST_WORD) =
        bpf_htonl(1 + (plan->destinations > 1 ? bpf_get_prandom_u32() % plan->destinations : 0));
    return XDP_PASS;
}

SEC("tc")
int sink(struct __sk_buff *skb)
{
    __u32 first = 0;
    __u8 next = 0;
    __u64 *count = bpf_map_lookup_elem(&arrived, &first);

    bpf_skb_load_bytes(skb, NEXT_HEADER, &next, 1);
    if (next == ICMPV6)
        return TC_ACT_OK;
    if (count)
        (*count)++;
    return TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
