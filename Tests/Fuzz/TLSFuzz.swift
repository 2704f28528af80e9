// SPDX-License-Identifier: Apache-2.0

import Transport
import Wire

/// What a stranger says before anything is encrypted.
extension Fuzz {
    static let tls = [Fuzz(name: "hello", run: hello)]

    /// A first message: it is refused, or has a print that is as long as prints are.
    private static func hello(_ bytes: Span<UInt8>) {
        guard let hello = ClientHello(bytes) else { return }
        let print = TLSPrint(hello)
        precondition(print.ja4.count == 36, "three parts of known lengths")
        precondition(print.ja3.count == 32 || print.ja3.isEmpty)
        precondition(TLSPrint(hello).ja4 == print.ja4)
    }
}
