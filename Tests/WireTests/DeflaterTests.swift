// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct DeflaterTests {
    @Test(arguments: [0, 1, 100, 70_000]) func `gives back what it packed`(count: Int) throws {
        let input = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        let packed = try #require(Deflater.gzip(input))
        var out: [UInt8] = []
        #expect(try Inflater().inflate(packed.span, encoding: .gzip, limit: 100_000, into: &out))
        #expect(out == input)
    }
}
