//! Writing the entropy-coded bytes of JPEG.

/// Collects bits, most significant first, and stuffs a zero after each `FF` (T.81 F.1.2.3).
#[derive(Default)]
pub(super) struct BitWriter {
    pub(super) bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl BitWriter {
    /// Appends the low `count` (at most 32) bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | u64::from(value) & ((1u64 << count) - 1);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.pending >> self.count) as u8;
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
    }

    /// Fills the last byte with ones.
    pub(super) fn align(&mut self) {
        if self.count > 0 {
            self.put(0xFF, 8 - self.count);
        }
    }

    /// Ends a restart interval with marker `number` (modulo 8).
    pub(super) fn restart(&mut self, number: usize) {
        self.align();
        self.bytes.extend([0xFF, 0xD0 + (number % 8) as u8]);
    }
}

/// The number of bits of the magnitude of `value` (T.81 F.1.2.1.1).
pub(super) fn category(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// The bits that follow the category of `value`.
pub(super) fn magnitude_bits(value: i32) -> u32 {
    if value < 0 {
        (value - 1) as u32
    } else {
        value as u32
    }
}

/// Appends a marker segment: code, length, `body`.
pub(super) fn segment(stream: &mut Vec<u8>, code: u8, body: &[u8]) {
    stream.extend([0xFF, code]);
    stream.extend(((body.len() + 2) as u16).to_be_bytes());
    stream.extend(body);
}
