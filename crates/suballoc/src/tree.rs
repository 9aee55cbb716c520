//! Free nodes of several lengths in one bin: a treap, ordered by length and then by address.
//!
//! Aragon, Seidel, *Randomized search trees*, 1989. The priorities are not random but a mix of the
//! slot's index, so that equal histories give equal trees. A free node's two bin links are its
//! children; there is no link to the parent, since a node's own length and start lead to it.

use crate::nodes::{NONE, Node, Nodes};

/// Length and start of a node, in units.
pub(crate) type Key = (u64, u64);

/// Where a child hangs: below a node, or at the root.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Low(u32),
    High(u32),
}

fn key(nodes: &Nodes, index: u32) -> Key {
    (nodes.len(index), nodes.at(index).start())
}

const fn low(node: &Node) -> u32 {
    node.bin_prev
}

const fn high(node: &Node) -> u32 {
    node.bin_next
}

/// The finalizer of `MurmurHash3` (Appleby), a bijection: no two slots have the same priority.
const fn priority(index: u32) -> u32 {
    let mixed = (index ^ (index >> 16)).wrapping_mul(0x85EB_CA6B);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xC2B2_AE35);
    mixed ^ (mixed >> 16)
}

fn hang(nodes: &mut Nodes, root: &mut u32, link: Link, child: u32) {
    match link {
        Link::Root => *root = child,
        Link::Low(parent) => nodes.at_mut(parent).bin_prev = child,
        Link::High(parent) => nodes.at_mut(parent).bin_next = child,
    }
}

/// Adds the node `index`, O(log n) expected.
#[inline(never)]
pub(crate) fn insert(nodes: &mut Nodes, root: &mut u32, index: u32) {
    let own = key(nodes, index);
    let (mut link, mut at) = (Link::Root, *root);
    while at != NONE && priority(at) > priority(index) {
        let node = nodes.at(at);
        (link, at) = if own < key(nodes, at) {
            (Link::Low(at), low(node))
        } else {
            (Link::High(at), high(node))
        };
    }
    hang(nodes, root, link, index);
    // What hung there is split by the key into the two subtrees of the new node.
    let (mut lower, mut higher) = (Link::Low(index), Link::High(index));
    while at != NONE {
        let node = nodes.at(at);
        if key(nodes, at) < own {
            let next = high(node);
            hang(nodes, root, lower, at);
            (lower, at) = (Link::High(at), next);
        } else {
            let next = low(node);
            hang(nodes, root, higher, at);
            (higher, at) = (Link::Low(at), next);
        }
    }
    hang(nodes, root, lower, NONE);
    hang(nodes, root, higher, NONE);
}

/// Removes the node `index`, whose length and start are as when it was added, O(log n) expected.
#[inline(never)]
pub(crate) fn remove(nodes: &mut Nodes, root: &mut u32, index: u32) {
    let own = key(nodes, index);
    let (mut link, mut at) = (Link::Root, *root);
    while at != index {
        assert!(
            at != NONE,
            "S3: the tree does not hold the free node of {own:?}"
        );
        let node = nodes.at(at);
        (link, at) = if own < key(nodes, at) {
            (Link::Low(at), low(node))
        } else {
            (Link::High(at), high(node))
        };
    }
    let node = nodes.at(index);
    let (mut lower, mut higher) = (low(node), high(node));
    while lower != NONE && higher != NONE {
        if priority(lower) > priority(higher) {
            hang(nodes, root, link, lower);
            (link, lower) = (Link::High(lower), high(nodes.at(lower)));
        } else {
            hang(nodes, root, link, higher);
            (link, higher) = (Link::Low(higher), low(nodes.at(higher)));
        }
    }
    hang(
        nodes,
        root,
        link,
        if lower == NONE { higher } else { lower },
    );
}

/// The first node at or after `from`, O(log n) expected.
#[inline(never)]
pub(crate) fn first_from(nodes: &Nodes, root: u32, from: Key) -> Option<u32> {
    let (mut found, mut at) = (None, root);
    while at != NONE {
        let node = nodes.at(at);
        if key(nodes, at) < from {
            at = high(node);
        } else {
            found = Some(at);
            at = low(node);
        }
    }
    found
}

/// The last node of a tree that is not empty, O(log n) expected.
pub(crate) fn last(nodes: &Nodes, root: u32) -> u32 {
    let mut at = root;
    while high(nodes.at(at)) != NONE {
        at = high(nodes.at(at));
    }
    at
}

#[cfg(test)]
mod tests;
