// SPDX-License-Identifier: Apache-2.0

/// Where an input is cut into pieces, chosen by a hash of the input itself: the same input always gives the same pieces, and seeds
/// stay plain messages.
struct Cuts {
    private var state: UInt64

    init(_ bytes: Span<UInt8>) {
        state = 0xcbf2_9ce4_8422_2325
        for index in bytes.indices { state = (state ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
    }

    /// The end of the next piece, of one to sixteen bytes.
    mutating func next(after start: Int, until end: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return min(end, start + 1 + Int(state >> 60))
    }
}
