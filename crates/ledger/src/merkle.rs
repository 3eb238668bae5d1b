//! The hash tree of RFC 6962, section 2.1, with SHA-256: leaves and nodes are hashed under different first bytes, so
//! that neither can pass for the other, and the tree of n leaves splits at the largest power of two below n.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(pub [u8; 32]);

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Hash {
    type Err = LedgerError;

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let bytes: Vec<u8> = digits
            .filter(|digits| digits.len() == 64)
            .map(|digits| {
                digits
                    .chunks(2)
                    .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
                    .collect()
            })
            .ok_or(LedgerError::NotAHash)?;
        bytes.try_into().map(Self).map_err(|_| LedgerError::NotAHash)
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// SHA-256 of pieces, one after the other.
pub(crate) fn sha256(pieces: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for piece in pieces {
        context.update(piece);
    }
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Hash(hash)
}

/// The hash of one leaf.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    sha256(&[&[0], bytes])
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

/// The right edge of a growing tree: the roots of the full subtrees that it consists of, the largest first. There
/// are as many as bits are set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier as it was kept.
    ///
    /// # Errors
    /// [`LedgerError::Frontier`] where the number of hashes does not fit.
    pub fn from_parts(size: u64, roots: Vec<Hash>) -> Result<Self, LedgerError> {
        let expected = size.count_ones() as usize;
        if roots.len() != expected {
            return Err(LedgerError::Frontier {
                size,
                expected,
                actual: roots.len(),
            });
        }
        Ok(Self { size, roots })
    }

    /// Leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What to keep, beside the size.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => sha256(&[]),
            Some(smallest) => roots.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }
}

/// The root of the tree over these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = split(leaves);
            node_hash(&root(left), &root(right))
        }
    }
}

/// Splits at the largest power of two below the number of leaves, of which there are two at least.
fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(largest_power_below(leaves.len() as u64) as usize)
}

fn largest_power_below(size: u64) -> u64 {
    match size.checked_sub(1) {
        None | Some(0) => 0,
        Some(below) => 1 << (63 - below.leading_zeros()),
    }
}

/// Proof that the leaf at `index` is in the tree over these leaves (RFC 6962, 2.1.1).
///
/// # Errors
/// [`LedgerError::OutOfTree`].
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Result<Vec<Hash>, LedgerError> {
    let size = leaves.len() as u64;
    if index >= size {
        return Err(LedgerError::OutOfTree { size, asked: index });
    }
    let mut proof = Vec::new();
    let (mut leaves, mut index) = (leaves, index as usize);
    while leaves.len() > 1 {
        let (left, right) = split(leaves);
        if index < left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Checks such a proof (RFC 9162, 2.1.3.2).
///
/// # Errors
/// [`LedgerError::OutOfTree`] or [`LedgerError::NoProof`].
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    expected_root: Hash,
) -> Result<(), LedgerError> {
    if index >= size {
        return Err(LedgerError::OutOfTree { size, asked: index });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for step in proof {
        if last == 0 {
            return Err(LedgerError::NoProof);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(step, &hash);
            if node & 1 == 0 {
                let shift = node.trailing_zeros().min(63);
                node = if node == 0 { 0 } else { node >> shift };
                last >>= shift;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == expected_root {
        Ok(())
    } else {
        Err(LedgerError::NoProof)
    }
}

/// Proof that the tree over the first `old` of these leaves is the beginning of the tree over all (RFC 6962, 2.1.2).
///
/// # Errors
/// [`LedgerError::OutOfTree`] where there are fewer leaves.
pub fn consistency_proof(leaves: &[Hash], old: u64) -> Result<Vec<Hash>, LedgerError> {
    let size = leaves.len() as u64;
    if old > size {
        return Err(LedgerError::OutOfTree { size, asked: old });
    }
    let mut proof = Vec::new();
    if old > 0 && old < size {
        prove_consistency(leaves, old as usize, true, &mut proof);
    }
    Ok(proof)
}

/// `is_known`: the verifier has the root of `leaves` as that of the old tree.
fn prove_consistency(leaves: &[Hash], old: usize, is_known: bool, proof: &mut Vec<Hash>) {
    if old == leaves.len() {
        if !is_known {
            proof.push(root(leaves));
        }
        return;
    }
    let (left, right) = split(leaves);
    if old <= left.len() {
        prove_consistency(left, old, is_known, proof);
        proof.push(root(right));
    } else {
        prove_consistency(right, old - left.len(), false, proof);
        proof.push(root(left));
    }
}

/// Checks such a proof (RFC 9162, 2.1.4.2). Every tree begins with the empty one.
///
/// # Errors
/// [`LedgerError::OutOfTree`] or [`LedgerError::NoProof`].
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), LedgerError> {
    if old_size > size {
        return Err(LedgerError::OutOfTree {
            size,
            asked: old_size,
        });
    }
    let holds = match old_size {
        0 => proof.is_empty() && old_root == sha256(&[]),
        _ if old_size == size => proof.is_empty() && old_root == new_root,
        _ => grows(old_size, old_root, size, new_root, proof),
    };
    if holds { Ok(()) } else { Err(LedgerError::NoProof) }
}

fn grows(old_size: u64, old_root: Hash, size: u64, new_root: Hash, proof: &[Hash]) -> bool {
    // A full tree is its own first node, which the proof leaves out.
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        match proof.split_first() {
            Some((first, rest)) => (*first, rest),
            None => return false,
        }
    };
    let (mut node, mut last) = (old_size - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for step in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves and roots that implementations of RFC 6962 are tried with (certificate-transparency,
    /// `merkle_tree_test`).
    const INPUTS: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count)
            .map(|number| leaf_hash(&number.to_le_bytes()))
            .collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let hashes: Vec<Hash> = INPUTS.iter().map(|input| leaf_hash(input)).collect();
        let mut frontier = Frontier::new();
        for size in 0..=8 {
            assert_eq!(root(&hashes[..size]).to_string(), ROOTS[size], "{size}");
            assert_eq!(frontier.root().to_string(), ROOTS[size], "{size}");
            if size < 8 {
                frontier.append(hashes[size]);
            }
        }
    }

    #[test]
    fn a_hash_survives_its_text() {
        let hash = leaf_hash(b"x");
        assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
        for text in [
            "",
            "0",
            &"g".repeat(64),
            &"0".repeat(63),
            &"0".repeat(66),
            &"é".repeat(32),
        ] {
            assert!(text.parse::<Hash>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_frontier_grows_like_the_tree() {
        let leaves = leaves(300);
        let mut frontier = Frontier::new();
        for (number, leaf) in leaves.iter().enumerate() {
            assert_eq!(frontier.root(), root(&leaves[..number]));
            let kept = Frontier::from_parts(frontier.size(), frontier.roots().to_vec()).unwrap();
            assert_eq!(kept, frontier);
            frontier.append(*leaf);
        }
        assert!(Frontier::from_parts(3, vec![leaves[0]]).is_err());
    }

    #[test]
    fn inclusion_is_proved_for_every_leaf_and_for_no_other() {
        for size in 1..=40_u64 {
            let leaves = leaves(size as usize);
            let tree = root(&leaves);
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).unwrap();
                let leaf = leaves[index as usize];
                let holds = |leaf, index, size, proof: &[Hash]| {
                    verify_inclusion(leaf, index, size, proof, tree).is_ok()
                };
                assert!(holds(leaf, index, size, &proof), "{index} of {size}");
                assert!(!holds(leaf_hash(b"other"), index, size, &proof));
                assert!(!holds(leaf, index, size, &[proof.clone(), vec![leaf]].concat()));
                for other in (0..size).filter(|other| *other != index) {
                    assert!(!holds(leaf, other, size, &proof), "{index} as {other} of {size}");
                }
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!holds(leaf, index, size, shorter));
                }
            }
            assert!(inclusion_proof(&leaves, size).is_err());
        }
    }

    #[test]
    fn consistency_is_proved_for_every_beginning_and_for_no_other() {
        for size in 0..=40_u64 {
            let leaves = leaves(size as usize);
            let tree = root(&leaves);
            for old in 0..=size {
                let proof = consistency_proof(&leaves, old).unwrap();
                let before = root(&leaves[..old as usize]);
                let holds =
                    |old, before, proof: &[Hash]| verify_consistency(old, before, size, tree, proof).is_ok();
                assert!(holds(old, before, &proof), "{old} to {size}");
                assert!(!holds(old, leaf_hash(b"other"), &proof), "{old} to {size}");
                if old > 0 && old < size {
                    assert!(verify_consistency(old, before, size, leaf_hash(b"other"), &proof).is_err());
                    assert!(!holds(old, before, &[proof.clone(), vec![tree]].concat()));
                    if let Some((_, shorter)) = proof.split_last() {
                        assert!(!holds(old, before, shorter));
                    }
                }
            }
            assert!(consistency_proof(&leaves, size + 1).is_err());
        }
    }
}
