// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Transport

/// A ClientHello put together from lists.
func makeHello(
    version: UInt16 = 0x0303, suites: [UInt16] = [], extensions: [(UInt16, [UInt8])]? = nil
) -> [UInt8] {
    func two(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }
    func words(_ values: [UInt16]) -> [UInt8] { values.flatMap { two(Int($0)) } }
    var body = words([version]) + [UInt8](repeating: 7, count: 32) + [0]
    body += two(suites.count * 2) + words(suites) + [1, 0]
    if let extensions {
        let block = extensions.flatMap { two(Int($0.0)) + two($0.1.count) + $0.1 }
        body += two(block.count) + block
    }
    return [1, 0] + two(body.count) + body
}

@Suite struct TLSPrintTests {
    private func print(_ message: [UInt8]) -> TLSPrint? { ClientHello(message.span).map { TLSPrint($0) } }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    /// Captures and values: FoxIO-LLC/ja4 @ 0e54bc83, `pcap/`, `python/test/testdata/` and, for the odd protocol, `technical_details/JA4.md`.
    @Test func `captured clients have the published JA4`() {
        #expect(text(print(bytes(TLSPrintTests.firefox))?.ja4) == "t13d1715h2_5b57614c22b0_3d5424432f57")
        #expect(text(print(bytes(TLSPrintTests.greased))?.ja4) == "t13d1516bd_8daaf6152771_e5627efa2ab1")
        #expect(text(print(bytes(TLSPrintTests.old))?.ja4) == "t12d4605h2_85626a9a5f7f_aaf95bb78ec9")
    }

    /// Values: salesforce/ja3, README.
    @Test func `lists have the published JA3`() {
        let curves: [UInt8] = [0, 6, 0, 23, 0, 24, 0, 25]
        let one = makeHello(
            version: 769, suites: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: [(0, [0, 5, 0, 0, 2, 97, 97]), (10, curves), (11, [1, 0])])
        #expect(text(print(one)?.ja3) == "ada70206e40642a3e4461f35503241d5")
        let two = makeHello(version: 769, suites: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99])
        #expect(text(print(two)?.ja3) == "de350869b8c85de67a350c8d186f11e6")
        #expect(text(print(two)?.ja4).hasPrefix("t10i110000_") == true)
        #expect(text(print(two)?.ja4).hasSuffix("_000000000000") == true)
    }

    @Test func `an odd protocol shows in hexadecimal`() {
        func shown(_ name: [UInt8]) -> String {
            let list = [UInt8(name.count)] + name
            let hello = makeHello(suites: [4865], extensions: [(16, [0, UInt8(list.count)] + list)])
            return String(text(print(hello)?.ja4).prefix(10).suffix(2))
        }
        #expect(shown(Array("h2".utf8)) == "h2")
        #expect(shown(Array("http/1.1".utf8)) == "h1")
        #expect(shown([0xab]) == "ab")
        #expect(shown([0x30, 0xab]) == "3b")
        #expect(shown([0x61, 0x20]) == "60")
        #expect(shown([0x30, 0xab, 0xcd, 0x31]) == "01")
        #expect(shown(Array("x".utf8)) == "xx")
    }

    @Test func `meaningless values and the order of extensions do not change JA4`() {
        let lists: [(UInt16, [UInt8])] = [(23, []), (0, []), (35, []), (0x2a2a, [0])]
        let one = print(makeHello(suites: [0x0a0a, 4866, 4865], extensions: lists))
        let other = print(makeHello(suites: [4865, 0xfafa, 4866], extensions: lists.reversed()))
        #expect(one?.ja4 == other?.ja4)
        #expect(one?.ja3 != other?.ja3)
    }

    @Test func `a message that is cut or too long is none, and no length reaches beyond it`() {
        let whole = bytes(TLSPrintTests.old)
        #expect(ClientHello(whole.span) != nil)
        for count in whole.indices { #expect(ClientHello(whole.span.extracting(0..<count)) == nil) }
        #expect(ClientHello((whole + [0]).span) == nil)
        for place in whole.indices {
            var broken = whole
            broken[place] = 255
            if let hello = ClientHello(broken.span) { #expect(TLSPrint(hello).ja4.count == 36) }
        }
    }

    private static let firefox = """
        010001fc0303ecb2691addb2bf6c599c7aaae23de5f42561cc04eb41029acc6fc050a16ac1d22046f8617b580ac9358e
        2aa44e306d52466bcc989c87c8ca64309f5faf50ba7b4d0022130113031302c02bc02fcca9cca8c02cc030c00ac009c0
        13c014009c009d002f00350100019100000021001f00001c636f6e74696c652e73657276696365732e6d6f7a696c6c61
        2e636f6d00170000ff01000100000a000e000c001d00170018001901000101000b00020100002300000010000e000c02
        683208687474702f312e310005000501000000000022000a000804030503060302030033006b0069001d00208909858f
        beb6ed2f1248ba5b9e2978bead0e840110192c61daed0096798b184400170041044d183d91f5eed35791fa982464e3b0
        214aaa5f5d1b78616d9b9fbebc22d11f535b2f94c686143136aa795e6e5a875d6c08064ad5b76d44caad766e24830127
        48002b00050403040303000d0018001604030503060308040805080604010501060102030201002d00020101001c0002
        40010015007a000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        0000000000000000000000000000000000000000000000000000000000000000
        """

    private static let greased = """
        010001fc03030f9e38acb9a54a7c6e00e29a70ac2feee180ff76d7f25dca84932a66a42d1e5a20bc58b92f865e6b9aa4
        a6371cadcb0afe1da1c0f705209a11d52357f56d5dd9620020aaaa130113021303c02bc02fc02cc030cca9cca8c013c0
        14009c009d002f0035010001939a9a0000ff010001000033002b00290a0a000100001d0020cf55af2603e92f59eb3217
        79706a18fa6b96b16c16404c2264ed687a59401878002d00020101000500050100000000446900050003026832000d00
        120010040308040401050308050501080606010010000e000c02baad08687474702f312e3100230000001b0003020002
        002b0007060a0a0304030300000022002000001d636c69656e7473657276696365732e676f6f676c65617069732e636f
        6d00120000000a000a00080a0a001d0017001800170000000b000201006a6a000100001500ba00000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        0000000000000000000000000000000000000000000000000000000000000000
        """

    private static let old = """
        010000e40303858226c04fbaeddef4246093b4cfdab38f9dcfef145360e417686575cac49c7000005cc030c02cc028c0
        24c014c00a009f006b0039cca9cca8ccaaff8500c400880081009d003d003500c00084c02fc02bc027c023c013c00900
        9e0067003300be0045009c003c002f00ba0041c011c00700050004c012c0080016000a00ff0100005f00000017001500
        00127777772e636c6f7564666c6172652e636f6d000b00020100000a00080006001d00170018000d001c001a06010603
        efef0501050304010403eeeeeded03010303020102030010000e000c02683208687474702f312e31
        """
}
