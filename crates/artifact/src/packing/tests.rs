use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn packed<T: Sample>(samples: &[T], dims: [usize; 3]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(samples, dims, &mut bytes);
    bytes
}

/// Packs, unpacks, compares bit by bit; returns the packed length.
fn round_trip<T: Sample>(samples: &[T], dims: [usize; 3]) -> usize {
    let bytes = packed(samples, dims);
    assert!(bytes.len() <= 1 + size_of_val(samples));
    let mut back = vec![T::HIGHEST; 3];
    decode(&bytes, dims, &mut back).unwrap();
    assert!(
        bytemuck::cast_slice::<T, u8>(&back) == bytemuck::cast_slice::<T, u8>(samples),
        "{dims:?} of {:?} differ",
        T::TYPE
    );
    bytes.len()
}

/// A number from a place: bits that look random.
fn hash(i: usize) -> u32 {
    let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u32
}

/// A slanted field with noise of `noise` bits.
fn slanted<T: Sample>([nx, ny, nz]: [usize; 3], noise: u32) -> Vec<T> {
    let place = |i: usize| [i % nx, i / nx % ny, i / nx / ny];
    (0..nx * ny * nz)
        .map(|i| {
            let [x, y, z] = place(i);
            let field = (3 * x + 5 * y + 7 * z) as f64 - 40.0;
            T::from_f64(field + f64::from(hash(i) & ((1 << noise) - 1)))
        })
        .collect()
}

fn every_kind<T: Sample>() {
    for dims in [
        [1, 1, 1],
        [2, 3, 1],
        [66, 66, 66],
        [3, 66, 5],
        [130, 129, 2],
        [1, 300, 2],
        [7, 1, 130],
    ] {
        let count = dims.iter().product::<usize>();
        round_trip(&vec![T::LOWEST; count], dims);
        for noise in [0, 3, 7] {
            round_trip(&slanted::<T>(dims, noise), dims);
        }
        let random: Vec<T> = (0..count)
            .map(|i| bytemuck::pod_read_unaligned(&hash(i).to_le_bytes()[..size_of::<T>()]))
            .collect();
        round_trip(&random, dims);
        let extremes: Vec<T> = (0..count)
            .map(|i| if hash(i) & 1 == 0 { T::LOWEST } else { T::HIGHEST })
            .collect();
        round_trip(&extremes, dims);
        let mut one_outlier = vec![T::default(); count];
        one_outlier[count / 2] = T::HIGHEST;
        round_trip(&one_outlier, dims);
    }
}

#[test]
fn every_kind_of_every_type_comes_back() {
    every_kind::<u8>();
    every_kind::<i16>();
    every_kind::<u16>();
    every_kind::<i32>();
    every_kind::<u32>();
    every_kind::<f32>();
}

#[test]
fn the_span_just_at_and_above_the_narrow_limit() {
    for span in [4094, 4095, 4096] {
        for base in [i16::MIN, -1024, i16::MAX - 4096] {
            let dims = [66, 10, 9];
            let samples: Vec<i16> = (0..66 * 90)
                .map(|i| if hash(i) & 1 == 0 { base } else { base + span })
                .collect();
            round_trip(&samples, dims);
            round_trip(bytemuck::cast_slice::<i16, u16>(&samples), dims);
        }
    }
}

#[test]
fn a_constant_and_a_plane_take_next_to_nothing() {
    let dims = [66, 66, 66];
    let count = 66 * 66 * 66;
    assert_eq!(round_trip(&vec![-1024i16; count], dims), 3);
    assert_eq!(round_trip(&vec![f32::NAN; count], dims), 5);
    let plane = round_trip(&slanted::<i16>(dims, 0), dims);
    assert!(plane < 2 * count / 100, "{plane} bytes");
}

#[test]
fn noise_of_four_bits_takes_little_more() {
    let dims = [66, 66, 66];
    let bytes = round_trip(&slanted::<i16>(dims, 4), dims);
    let bits = 8.0 * bytes as f64 / (66.0 * 66.0 * 66.0);
    assert!(bits < 5.8, "{bits} bits a sample");
}

#[test]
fn payload_bits_of_nan_and_signs_of_zero_stay() {
    let bits = [
        0x7FC0_0001,
        0xFFFF_FFFF,
        0x7F80_0001,
        0x8000_0000,
        0,
        0x7F80_0000,
        0xFF80_0000,
        1,
    ];
    let samples: Vec<f32> = bits
        .into_iter()
        .cycle()
        .take(66 * 8)
        .map(f32::from_bits)
        .collect();
    round_trip(&samples, [66, 8, 1]);
    round_trip(&samples, [4, 4, 33]);
}

#[test]
fn order_of_words_is_order_of_numbers() {
    let numbers = [
        f32::NEG_INFINITY,
        f32::MIN,
        -1.0,
        -1e-40,
        -0.0,
        0.0,
        1e-40,
        1.0,
        f32::MAX,
        f32::INFINITY,
    ];
    let words = numbers.map(|n| ordered_from_bits(n.to_bits()));
    assert!(words.is_sorted());
    assert_eq!(words.map(bits_from_ordered), numbers.map(f32::to_bits));
}

fn check_bytes<T: Sample>(samples: &[T], dims: [usize; 3], expected: &Expect) {
    let bytes = packed(samples, dims);
    let lines: Vec<String> = bytes
        .chunks(16)
        .map(|line| {
            line.iter()
                .map(|b| format!("{b:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

/// A change of these bytes is a change of the format: old objects could no longer be read.
#[test]
fn the_bytes_are_as_documented() {
    let dims = [9, 5, 3];
    check_bytes(&[7u16; 135], dims, &expect!["01 07 00"]);
    check_bytes(&[1u8, 255], [2, 1, 1], &expect!["00 01 ff"]);
    check_bytes(&[1.5f32, -2.0], [1, 2, 1], &expect!["00 00 00 c0 3f 00 00 00 c0"]);
    check_bytes(
        &slanted::<i16>(dims, 2),
        dims,
        &expect![[r#"
        03 03 03 02 84 06 a9 50 66 45 16 2a 20 c0 66 44
        16 b3 6c a0 52 30 60 14 10 21 26 00 71 35 86 42
        80 63 06 06 65 00 10 40 11 26 81 41 06 22 20 c1
        28 c0 33 20 20 c0 8e 11 80 22 10 03 42 84 10 02
        40 44 42 84 a4 44 00 5a 5b 5e 61 62 04 01 01 01
        01 01 80 06 01 02 03 04 05 06 06 04 04 02 08 04"#]],
    );
    check_bytes(
        &slanted::<u8>(dims, 6),
        dims,
        &expect![[r#"
        02 03 02 00 07 00 80 80 00 90 16 04 a5 42 a4 23
        40 bf 8f 28 c1 22 de 11 d2 9c 1d a2 28 eb b2 54
        25 df 86 02 1a 0e 05 bf b1 81 00 47 40 e5 03 d1
        ca 87 63 2d c0 50 c1 44 34 1a c1 81 42 31 57 60
        66 a3 97 d6 d3 b0 00 01 24 49 aa 0d d1 2d 2c 71
        80 7d 62 03 7c 0d c5 1f 4c ce 7d 4c 3e 1d a8 5d
        05 08 4c 5d 48 02 94 3c 16 4c 18 0a 02 8c 58 40
        40 0e 90 20 0a 80 06 00 02 03 04 05 06 46 46 48
        16 0d 46"#]],
    );
    let mut with_outlier = slanted::<i32>(dims, 1);
    with_outlier[60] = i32::MIN;
    check_bytes(
        &with_outlier,
        dims,
        &expect![[r#"
        02 03 09 09 c4 06 6d 26 00 41 66 1a 01 30 86 21
        0a 22 64 12 00 08 a0 42 10 d1 00 c1 02 c2 22 02
        20 22 11 23 01 01 10 22 02 14 01 03 11 41 20 24
        01 10 14 13 02 11 02 11 21 04 02 20 02 21 00 0d
        20 40 01 02 11 11 00 3c 3d 5a 69 6a 04 00 00 00
        fe ff ff 0f fe ff ff 0f 01 00 00 00 ff ff ff 0f
        fe ff ff 0f 80 04 00 02 03 05 01 02 02 01"#]],
    );
}

#[test]
fn a_cut_or_a_longer_array_is_refused() {
    let dims = [9, 5, 3];
    let mut out = Vec::new();
    for samples in [
        slanted::<i16>(dims, 2),
        vec![5; 135],
        (0..135).map(|i| hash(i) as i16).collect(),
    ] {
        let mut bytes = packed(&samples, dims);
        for cut in 0..bytes.len() {
            assert!(
                decode::<i16>(&bytes[..cut], dims, &mut out).is_err(),
                "cut at {cut}"
            );
        }
        bytes.push(0xFF);
        assert!(decode::<i16>(&bytes, dims, &mut out).is_err());
    }
}

#[test]
fn dimensions_beyond_the_bytes_allocate_nothing() {
    let mut out = Vec::<u16>::new();
    assert!(decode(&[PACKED, 0, 0xFF], [1 << 20, 1 << 20, 1], &mut out).is_err());
    assert!(decode(&[PACKED, 0, 0xFF], [usize::MAX, 2, 2], &mut out).is_err());
    assert!(decode(&[RAW, 0, 0xFF], [1 << 20, 1 << 20, 1], &mut out).is_err());
    assert_eq!(out.capacity(), 0);
}

proptest! {
    #[test]
    fn damage_is_refused_or_gives_other_samples(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..5),
    ) {
        let dims = [12, 11, 10];
        let mut bytes = packed(&slanted::<i16>(dims, 5), dims);
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let mut out = Vec::<i16>::new();
        if decode(&bytes, dims, &mut out).is_ok() {
            prop_assert_eq!(out.len(), 12 * 11 * 10);
        }
        let mut out = Vec::<f32>::new();
        let _ = decode(&bytes, dims, &mut out);
        let mut out = Vec::<u8>::new();
        let _ = decode(&bytes, dims, &mut out);
    }

    #[test]
    fn any_samples_come_back(
        dims in (1usize..70, 1usize..12, 1usize..6),
        seed in any::<usize>(),
        bits in 0u32..33,
    ) {
        let dims = [dims.0, dims.1, dims.2];
        let words: Vec<u32> = (0..dims.iter().product())
            .map(|i: usize| hash(i.wrapping_add(seed)).checked_shr(32 - bits).unwrap_or(0))
            .collect();
        round_trip::<u32>(&words, dims);
        round_trip::<i32>(bytemuck::cast_slice(&words), dims);
        round_trip::<f32>(bytemuck::cast_slice(&words), dims);
        let words: Vec<u16> = words.into_iter().map(|word| word as u16).collect();
        round_trip::<u16>(&words, dims);
        round_trip::<i16>(bytemuck::cast_slice(&words), dims);
        let words: Vec<u8> = words.into_iter().map(|word| word as u8).collect();
        round_trip::<u8>(&words, dims);
    }
}
