// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct PathNormaliserTests {
    private func normalise(_ path: String) -> String {
        var out: [UInt8] = []
        RequestTarget.normalise(Array(path.utf8).span, into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: [
        ("", "/"), ("/", "/"), ("/login", "/login"), ("/Login/", "/Login/"), ("login", "/login"), ("/a/b/c", "/a/b/c"),
        ("//a///b//", "/a/b/"), ("/./a", "/a"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../b", "/b"),
        ("/a/b/..", "/a/"), ("/a/b/../", "/a/"), ("/..", "/"), ("/../../x", "/x"), ("/a/../..", "/"), (".", "/"),
        ("..", "/"),
        ("/.well-known/x", "/.well-known/x"), ("/...", "/..."), ("/a..", "/a.."), ("/..a/", "/..a/"), ("/a.b", "/a.b"),
        ("/%6Cogin", "/login"), ("/%6cogin", "/login"), ("/a%2Fb", "/a/b"), ("/a%2f%2fb", "/a/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/%2e./b", "/b"), ("/a%2f..%2fb", "/b"), ("/%2e%2e%2fx", "/x"), ("/a%20b", "/a b"), ("/%", "/%"),
        ("/%4", "/%4"),
        ("/%zz", "/%zz"), ("/%%41", "/%A"), ("/%2541", "/%41"), ("/a;x=1/b", "/a;x=1/b"), ("/a+b", "/a+b"),
        ("/%C3%A4", "/ä"), ("/a\\..\\b", "/a\\..\\b"), ("/a?b", "/a?b"),
    ])
    func `gives the path that rules see`(_ path: String, _ normal: String) {
        #expect(normalise(path) == normal)
    }

    @Test func `decodes once, and then nothing is left to normalise`() {
        let pieces = ["/", "//", ".", "..", "a", "%2e", "%2f", "%25", "%", ";"]
        var paths = [""]
        for _ in 0..<4 { paths = paths.flatMap { path in pieces.map { path + $0 } } }
        for path in paths {
            let once = normalise(path)
            var encoded = ""
            for character in once { encoded += character == "%" ? "%25" : String(character) }
            #expect(normalise(encoded) == once, "\(path)")
        }
    }

    @Test func `appends to what is there`() {
        var out = Array("x/y".utf8)
        RequestTarget.normalise(Array("/../a/..".utf8).span, into: &out)
        #expect(String(decoding: out, as: UTF8.self) == "x/y/")
    }
}
