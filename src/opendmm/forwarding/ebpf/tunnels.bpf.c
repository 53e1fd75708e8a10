// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// Tunnels between an ingress and an egress: IPv6-in-IPv6 (RFC 2473) and LISP (RFC 9300).
//
// Two devices lead packets here, each by a program where it would send them (tc, egress).
// Everything before is the kernel's: routing, hop limits, Packet Too Big, filters.
//
//   dmm-ebpf     what is to be encapsulated. A route may say where to (tunnel metadata); else the
//                map of redirections does; what is in neither goes by the main table.
//   dmm-ebpf-in  what is addressed to this node's tunnel ends. The outer header is taken off, and
//                the packet comes in again from there, marked by its direction.
//
// At links between nodes the same is done to packets as they come in, where nothing is to be looked
// at but the map: no need to go through the kernel's routing twice. Whatever is not plain goes on.

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FAMILY_IPV4 2
#define FAMILY_IPV6 10
#define ETHER sizeof(struct ethhdr)

// As in opendmm/forwarding/kernel/conventions.py and endpoints.py; a test compares them.
#define EGRESS_MARK 0x7301
#define NATIVE_MARK 0x7303
#define LISP_PORT 4341
#define UPLINK_NETWORK 7302
#define UPLINK_BIT 0x10
#define TABLE_MAIN 254

#define FIRST_FLOW_PORT 0xc000
#define OUTER_HOP_LIMIT 64
#define LENGTHS 8
#define LISP_INSTANCE_BIT 0x08
#define ECN_MASK 3
#define ECN_CE 3
#define PACKET_HOST 0
#define HEADERS_AT_MOST 120  // of IP and TCP, before a segment

// Younger than the headers of Debian 12.
#define ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)
#define FIB_LOOKUP_DIRECT 1
#define FIB_LOOKUP_TBID 8

struct lisp_header {
    __u8 flags;
    __u8 nonce[3];
    __be32 instance_and_status;
};

struct outer {
    struct ipv6hdr ip;
    struct udphdr udp;
    struct lisp_header lisp;
};

struct prefix {
    __be64 high;
    __be64 low;
    __u16 length;
    __u16 family;
    __u32 zero;
};

struct redirection {
    struct in6_addr egress;
    __u64 packets;
    __u64 octets;
};

struct lengths {
    __u32 count;
    __u32 longest_first[LENGTHS];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1048576);
    __type(key, struct prefix);
    __type(value, struct redirection);
} redirections SEC(".maps");

// The lengths that prefixes in the map have: [0] of IPv6, [1] of IPv4.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, struct lengths);
} lengths_in_use SEC(".maps");

// This node's locator, and octets of the largest packet that a tunnel has room for.
struct node {
    struct in6_addr locator;
    __u32 room;
    __u32 zero;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct node);
} nodes SEC(".maps");

enum event { ENCAPSULATED, DECAPSULATED, NATIVE, LEFT_TO_KERNEL, MALFORMED, CONGESTED, EVENTS };

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, EVENTS);
    __type(key, __u32);
    __type(value, __u64);
} events SEC(".maps");

static __always_inline void count(__u32 event)
{
    __u64 *counter = bpf_map_lookup_elem(&events, &event);
    if (counter)
        (*counter)++;
}

// The inner header, as far as it matters. `flow` is of all that tells flows apart but ports.
struct inner {
    int ipv6;
    __u8 traffic_class;
    __u8 hop_limit;
    __be64 destination[2];
    __u32 flow;
};

static __always_inline __u32 mixed(__u64 a, __u64 b)
{
    __u64 product = (a ^ b >> 29 ^ b) * 0x9e3779b97f4a7c15ULL;
    return product >> 32;
}

static __always_inline int read_inner(struct __sk_buff *skb, struct inner *inner)
{
    __u64 words[5] = {};

    if (bpf_skb_load_bytes(skb, ETHER, words, sizeof(struct iphdr)))
        return -1;
    const __u8 *octets = (const __u8 *)words;
    inner->ipv6 = octets[0] >> 4 == 6;
    if (!inner->ipv6) {
        const struct iphdr *ip = (const struct iphdr *)words;
        inner->traffic_class = ip->tos;
        inner->hop_limit = ip->ttl;
        inner->destination[0] = (__be64)ip->daddr;  // its first octets, in memory
        inner->flow = mixed(ip->saddr, (__u64)ip->daddr << 8 | ip->protocol);
        return octets[0] >> 4 == 4 ? 0 : -1;
    }
    if (bpf_skb_load_bytes(skb, ETHER, words, sizeof words))
        return -1;
    inner->traffic_class = octets[0] << 4 | octets[1] >> 4;
    inner->hop_limit = octets[7];
    inner->destination[0] = words[3];
    inner->destination[1] = words[4];
    inner->flow = mixed(words[1] ^ words[2] ^ (__u32)words[0], words[3] ^ words[4]);
    return 0;
}

static __always_inline __be64 masked(__be64 half, int bits)
{
    if (bits >= 64)
        return half;
    return bits <= 0 ? 0 : half & bpf_cpu_to_be64(~0ULL << (64 - bits));
}

// The redirection of the longest prefix that covers the destination.
static __always_inline struct redirection *redirected(const struct inner *inner)
{
    struct prefix prefix = {.family = inner->ipv6 ? FAMILY_IPV6 : FAMILY_IPV4};
    __u32 family = !inner->ipv6;
    struct lengths *lengths = bpf_map_lookup_elem(&lengths_in_use, &family);

    if (!lengths)
        return NULL;
#pragma unroll
    for (__u32 i = 0; i < LENGTHS; i++) {
        if (i >= lengths->count)
            break;
        int length = lengths->longest_first[i];
        prefix.length = length;
        prefix.high = masked(inner->destination[0], length);
        prefix.low = masked(inner->destination[1], length - 64);
        struct redirection *found = bpf_map_lookup_elem(&redirections, &prefix);
        if (found)
            return found;
    }
    return NULL;
}

// The packet as it is now goes where the main table says. Where that takes more (a neighbour to be found, an error to be told, a packet that the kernel still takes for
// IPv4) it comes in once more with a mark, for the kernel to do it.
static __always_inline int send(struct __sk_buff *skb, struct bpf_fib_lookup *fib, __u32 mark)
{
    __be16 protocol = bpf_htons(fib->family == FAMILY_IPV6 ? ETH_P_IPV6 : ETH_P_IP);

    fib->ifindex = skb->ifindex;
    fib->tbid = TABLE_MAIN;
    if (skb->protocol == protocol &&
        bpf_fib_lookup(skb, fib, sizeof *fib, FIB_LOOKUP_DIRECT | FIB_LOOKUP_TBID) == BPF_FIB_LKUP_RET_SUCCESS) {
        bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_dest), fib->dmac, ETH_ALEN, 0);
        bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_source), fib->smac, ETH_ALEN, 0);
        return bpf_redirect(fib->ifindex, 0);
    }
    count(LEFT_TO_KERNEL);
    skb->mark = mark;
    return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

// No redirection covers it.
static __always_inline int natively(struct __sk_buff *skb, int ipv6)
{
    struct bpf_fib_lookup fib = {.family = ipv6 ? FAMILY_IPV6 : FAMILY_IPV4};

    count(NATIVE);
    if (ipv6) {
        bpf_skb_load_bytes(skb, ETHER + offsetof(struct ipv6hdr, saddr), fib.ipv6_src, 16);
        bpf_skb_load_bytes(skb, ETHER + offsetof(struct ipv6hdr, daddr), fib.ipv6_dst, 16);
    } else {
        bpf_skb_load_bytes(skb, ETHER + offsetof(struct iphdr, saddr), &fib.ipv4_src, 4);
        bpf_skb_load_bytes(skb, ETHER + offsetof(struct iphdr, daddr), &fib.ipv4_dst, 4);
    }
    return send(skb, &fib, NATIVE_MARK);
}

static __always_inline void outer_ip(struct ipv6hdr *ip, const struct inner *inner, __u32 payload)
{
    __u32 label = inner->flow & 0xfffff;  // RFC 6438

    ip->version = 6;
    ip->priority = inner->traffic_class >> 4;
    ip->flow_lbl[0] = inner->traffic_class << 4 | label >> 16;
    ip->flow_lbl[1] = label >> 8;
    ip->flow_lbl[2] = label;
    ip->payload_len = bpf_htons(payload);
}

// Between machines that share a kernel a packet that was in a tunnel before still says so, and with
// offsets that are right again: it only needs the room.
static __always_inline int put_before(struct __sk_buff *skb, const void *header, __u32 octets,
                                      __u64 layers, int ipv6)
{
    __be16 ether_type = bpf_htons(ETH_P_IPV6);
    __u64 flags = layers | BPF_F_ADJ_ROOM_FIXED_GSO;
    long result = bpf_skb_adjust_room(skb, octets, BPF_ADJ_ROOM_MAC, flags);

    if (result == -EALREADY)
        result = bpf_skb_adjust_room(skb, octets, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
    if (result || bpf_skb_store_bytes(skb, ETHER, header, octets, 0))
        return -1;
    if (ipv6)
        return 0;
    return bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &ether_type, 2, 0);
}

// To whom, and whether what an uplink tunnel carries.
struct destination {
    struct in6_addr source;
    struct in6_addr egress;
    int uplink;
};

static __always_inline int by_metadata(struct __sk_buff *skb, struct destination *to)
{
    struct bpf_tunnel_key key = {};

    // Of metadata that is on its way out the kernel tells source and destination the other way.
    if (bpf_skb_get_tunnel_key(skb, &key, sizeof key, BPF_F_TUNINFO_IPV6))
        return 0;
    __builtin_memcpy(&to->source, key.remote_ipv6, 16);
    __builtin_memcpy(&to->egress, key.local_ipv6, 16);
    to->uplink = key.tunnel_id == UPLINK_NETWORK;
    return 1;
}

static __always_inline int by_map(struct __sk_buff *skb, const struct inner *inner,
                                  struct destination *to)
{
    __u32 first = 0;
    struct redirection *redirection = redirected(inner);
    struct node *node = bpf_map_lookup_elem(&nodes, &first);

    if (!redirection || !node)
        return 0;
    __sync_fetch_and_add(&redirection->packets, 1);
    __sync_fetch_and_add(&redirection->octets, skb->len - ETHER);
    to->source = node->locator;
    to->egress = redirection->egress;
    to->uplink = 0;
    return 1;
}

static __always_inline int sent_to(struct __sk_buff *skb, const struct destination *to,
                                   __u8 protocol)
{
    struct bpf_fib_lookup fib = {.family = FAMILY_IPV6, .l4_protocol = protocol};

    __builtin_memcpy(fib.ipv6_src, &to->source, 16);
    __builtin_memcpy(fib.ipv6_dst, &to->egress, 16);
    count(ENCAPSULATED);
    return send(skb, &fib, 0);
}

static __always_inline int in_ipv6(struct __sk_buff *skb, const struct inner *inner,
                                   struct destination *to)
{
    struct ipv6hdr ip = {};

    outer_ip(&ip, inner, skb->len - ETHER);
    ip.nexthdr = inner->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
    ip.hop_limit = OUTER_HOP_LIMIT;
    // The far end's address says what is inside, and which way it goes.
    to->egress.s6_addr32[2] = 0;
    to->egress.s6_addr32[3] = bpf_htonl((to->uplink ? UPLINK_BIT : 0) | (inner->ipv6 ? 6 : 4));
    ip.saddr = to->source;
    ip.daddr = to->egress;
    if (put_before(skb, &ip, sizeof ip, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6, inner->ipv6))
        return TC_ACT_SHOT;
    return sent_to(skb, to, ip.nexthdr);
}

static __always_inline int in_lisp(struct __sk_buff *skb, const struct inner *inner,
                                   struct destination *to)
{
    struct outer outer = {};
    __u32 datagram = skb->len - ETHER + sizeof outer.udp + sizeof outer.lisp;

    outer_ip(&outer.ip, inner, datagram);
    outer.ip.nexthdr = IPPROTO_UDP;
    outer.ip.hop_limit = inner->hop_limit;  // RFC 9300 §5.3, as the traffic class
    outer.ip.saddr = to->source;
    outer.ip.daddr = to->egress;
    outer.udp.source = bpf_htons(FIRST_FLOW_PORT | (inner->flow & 0x3fff));
    outer.udp.dest = bpf_htons(LISP_PORT);
    outer.udp.len = bpf_htons(datagram);  // the checksum is zero (RFC 9300 §5.3)
    if (to->uplink) {
        outer.lisp.flags = LISP_INSTANCE_BIT;
        outer.lisp.instance_and_status = bpf_htonl(UPLINK_NETWORK << 8);
    }
    if (put_before(skb, &outer, sizeof outer,
                   BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP, inner->ipv6))
        return TC_ACT_SHOT;
    return sent_to(skb, to, IPPROTO_UDP);
}

static __always_inline int encapsulate(struct __sk_buff *skb, int lisp)
{
    struct inner inner = {};
    struct destination to;

    if (read_inner(skb, &inner))
        return TC_ACT_SHOT;  // what the kernel itself says on any device that is up
    if (!by_metadata(skb, &to) && !by_map(skb, &inner, &to))
        return natively(skb, inner.ipv6);
    return lisp ? in_lisp(skb, &inner, &to) : in_ipv6(skb, &inner, &to);
}

SEC("tc")
int encapsulate_ip(struct __sk_buff *skb)
{
    return encapsulate(skb, 0);
}

SEC("tc")
int encapsulate_lisp(struct __sk_buff *skb)
{
    return encapsulate(skb, 1);
}

// Where the inner packet begins, after the Ethernet header; 0 when it is none of ours.
static __always_inline int tunnel_end(const struct outer *outer, int *uplink)
{
    __u8 protocol = outer->ip.nexthdr;

    if (protocol == IPPROTO_IPV6 || protocol == IPPROTO_IPIP) {
        *uplink = !!(outer->ip.daddr.s6_addr[15] & UPLINK_BIT);
        return sizeof outer->ip;
    }
    if (protocol != IPPROTO_UDP || outer->udp.dest != bpf_htons(LISP_PORT))
        return 0;
    if (outer->lisp.flags & LISP_INSTANCE_BIT) {
        __u32 instance = bpf_ntohl(outer->lisp.instance_and_status) >> 8;
        *uplink = instance == UPLINK_NETWORK;
        if (instance && !*uplink)
            return 0;
    }
    return sizeof *outer;
}

// RFC 9300 §5.3: the smaller hop limit counts, so that no loop of tunnels lives on.
static __always_inline void lower_hop_limit(struct __sk_buff *skb, const struct inner *inner,
                                            __u8 limit)
{
    if (limit >= inner->hop_limit)
        return;
    if (inner->ipv6) {
        bpf_skb_store_bytes(skb, ETHER + offsetof(struct ipv6hdr, hop_limit), &limit, 1, 0);
        return;
    }
    bpf_l3_csum_replace(skb, ETHER + offsetof(struct iphdr, check),
                        bpf_htons(inner->hop_limit << 8), bpf_htons(limit << 8), 2);
    bpf_skb_store_bytes(skb, ETHER + offsetof(struct iphdr, ttl), &limit, 1, 0);
}

// RFC 6040 §4.2: congestion that the outer header tells of. A packet whose ends do not know
// of it is dropped.
static __always_inline int congested(struct __sk_buff *skb, const struct inner *inner)
{
    if (!(inner->traffic_class & ECN_MASK))
        return -1;
    bpf_skb_ecn_set_ce(skb);
    return 0;
}

// Takes the outer header off; the mark is by the direction.
static __always_inline int taken_off(struct __sk_buff *skb)
{
    struct outer outer = {};
    struct inner inner = {};
    int uplink = 0;
    __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

    if (bpf_skb_load_bytes(skb, ETHER, &outer, sizeof outer))
        return -1;
    int octets = tunnel_end(&outer, &uplink);
    __u8 version = 0;
    if (!octets || bpf_skb_load_bytes(skb, ETHER + octets, &version, 1) ||
        (version >> 4 != 6 && version >> 4 != 4)) {
        count(MALFORMED);
        return -1;
    }
    flags |= version >> 4 == 6 ? ADJ_ROOM_DECAP_L3_IPV6 : ADJ_ROOM_DECAP_L3_IPV4;
    if (bpf_skb_adjust_room(skb, -octets, BPF_ADJ_ROOM_MAC, flags) || read_inner(skb, &inner)) {
        count(MALFORMED);
        return -1;
    }
    if (!inner.ipv6) {
        __be16 ether_type = bpf_htons(ETH_P_IP);
        bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &ether_type, 2, 0);
    }
    __u8 traffic_class = outer.ip.priority << 4 | outer.ip.flow_lbl[0] >> 4;
    if ((traffic_class & ECN_MASK) == ECN_CE && congested(skb, &inner)) {
        count(CONGESTED);
        return -1;
    }
    lower_hop_limit(skb, &inner, outer.ip.hop_limit);
    skb->mark = uplink ? 0 : EGRESS_MARK;
    count(DECAPSULATED);
    return 0;
}

SEC("tc")
int decapsulate(struct __sk_buff *skb)
{
    return taken_off(skb) ? TC_ACT_SHOT : bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

// At links between nodes, as packets come in.

static __always_inline int fits(struct __sk_buff *skb)
{
    __u32 first = 0;
    struct node *node = bpf_map_lookup_elem(&nodes, &first);
    __u32 octets = skb->gso_size ? skb->gso_size + HEADERS_AT_MOST : skb->len - ETHER;

    return node && octets <= node->room;
}

// The hop that the kernel would have counted.
static __always_inline void count_hop(struct __sk_buff *skb, struct inner *inner)
{
    __u8 limit = inner->hop_limit - 1;

    lower_hop_limit(skb, inner, limit);
    inner->hop_limit = limit;
}

static __always_inline int came_in(struct __sk_buff *skb, int lisp)
{
    struct inner inner = {};
    struct destination to;

    if (skb->protocol != bpf_htons(ETH_P_IPV6) && skb->protocol != bpf_htons(ETH_P_IP))
        return TC_ACT_UNSPEC;
    if (skb->pkt_type != PACKET_HOST || read_inner(skb, &inner) || inner.hop_limit <= 1)
        return TC_ACT_UNSPEC;
    if (!fits(skb) || !by_map(skb, &inner, &to))
        return TC_ACT_UNSPEC;
    count_hop(skb, &inner);
    return lisp ? in_lisp(skb, &inner, &to) : in_ipv6(skb, &inner, &to);
}

SEC("tc")
int came_in_ip(struct __sk_buff *skb)
{
    return came_in(skb, 0);
}

SEC("tc")
int came_in_lisp(struct __sk_buff *skb)
{
    return came_in(skb, 1);
}

char _license[] SEC("license") = "GPL";
