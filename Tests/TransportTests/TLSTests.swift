// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import Wire

@testable import Transport

/// A directory of certificates made by the openssl command for one test; removed when it goes.
private final class Certificates {
    let path: String

    init() {
        path = "/tmp/loginward-tls-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        shell("mkdir -p \(path)")
        shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem")
    }

    deinit { unsafe _ = system("rm -rf \(path)") }

    @discardableResult
    private func shell(_ command: String) -> Int32 {
        let result = unsafe system("cd \(path) 2>/dev/null; { \(command); } >/dev/null 2>&1")
        precondition(result == 0, command)
        return result
    }

    /// A certificate of the CA for these names.
    func make(_ file: String, names: [String], key: String = "ec -pkeyopt ec_paramgen_curve:prime256v1")
        -> TLSContext.KeyPair
    {
        let alternatives = names.map { $0.first?.isNumber == true ? "IP:\($0)" : "DNS:\($0)" }.joined(separator: ",")
        shell("openssl req -newkey \(key) -nodes -subj /CN=\(file) -keyout \(file).key -out \(file).csr")
        shell("echo 'subjectAltName=\(alternatives)' > \(file).ext")
        shell(
            "openssl x509 -req -in \(file).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
                + " -extfile \(file).ext -out \(file).pem")
        return TLSContext.KeyPair(certificatePath: "\(path)/\(file).pem", keyPath: "\(path)/\(file).key")
    }

    var ca: String { "\(path)/ca.pem" }
}

/// Both ends of one TLS connection over a socket pair; events are made up by noting everything.
private struct Connection: ~Copyable {
    var server: Stream
    var client: Stream
    var serverResult = HandshakeResult.wouldBlock
    var clientResult = HandshakeResult.wouldBlock

    init(_ serverContext: TLSContext, _ clientContext: TLSContext, name: String?) throws {
        let (left, right) = socketPair()
        let accepting = try serverContext.session(fd: left)
        let connecting = try clientContext.session(fd: right, serverName: name)
        server = Stream(descriptor: Descriptor(owning: left), tls: accepting)
        client = Stream(descriptor: Descriptor(owning: right), tls: connecting, source: .upstream)
    }

    mutating func noteAll() {
        server.note([.readable, .writable])
        client.note([.readable, .writable])
    }

    mutating func shakeHands() {
        for _ in 0..<20 {
            noteAll()
            if clientResult == .wouldBlock { clientResult = client.handshake() }
            if serverResult == .wouldBlock { serverResult = server.handshake() }
        }
    }

    /// Sends `count` bytes from the client and reads them on the server.
    mutating func carry(_ count: Int) -> [UInt8] {
        var out = ByteBuffer()
        for index in 0..<count { out.append(UInt8(truncatingIfNeeded: index &* 31)) }
        var into = ByteBuffer()
        var rounds = 0
        while into.count < count && rounds < 10_000 {
            rounds += 1
            noteAll()
            while client.isWritable && !out.isEmpty { _ = client.write(from: &out) }
            while server.isReadable { if case .failed = server.read(into: &into, limit: 65536) { break } }
        }
        var bytes: [UInt8] = []
        bytes.append(into.bytes)
        return bytes
    }
}

private func isFailed(_ result: HandshakeResult) -> Bool {
    if case .failed = result { return true }
    return false
}

@Suite struct TLSTests {
    @Test func `shakes hands, carries bytes and says what was agreed`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [files.make("one", names: ["login.example.com"])])
        let client = try TLSContext.client(caFile: files.ca)
        var connection = try Connection(server, client, name: "login.example.com")
        connection.shakeHands()
        #expect(connection.serverResult == .done)
        #expect(connection.clientResult == .done)
        let expected = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(connection.carry(300_000) == expected)
        guard let session = connection.server.tls else { return }
        #expect(session.version == "TLSv1.3")
        #expect(session.serverName == Array("login.example.com".utf8))
        #expect(session.alpn == Array("http/1.1".utf8))
        #expect(session.cipher != nil)
    }

    @Test func `close_notify is an end, and an end without it is marked`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [files.make("one", names: ["a.example"])])
        let client = try TLSContext.client(caFile: files.ca)
        var connection = try Connection(server, client, name: "a.example")
        connection.shakeHands()
        _ = connection.carry(10)
        connection.client.shutdownWrite()
        connection.noteAll()
        var into = ByteBuffer()
        #expect(connection.server.read(into: &into, limit: 100) == .endOfStream)
        #expect(connection.server.tls?.endedWithoutNotice == false)

        var cut = try Connection(server, client, name: "a.example")
        cut.shakeHands()
        _ = cut.carry(10)
        shutdown(cut.client.descriptor.raw, Int32(SHUT_WR))
        cut.server.note([.readable, .hangup])
        #expect(cut.server.read(into: &into, limit: 100) == .endOfStream)
        #expect(cut.server.tls?.endedWithoutNotice == true)
    }

    @Test func `a short read drains without asking the socket again`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [files.make("one", names: ["a.example"])])
        let client = try TLSContext.client(caFile: files.ca)
        var connection = try Connection(server, client, name: "a.example")
        connection.shakeHands()
        _ = connection.carry(10)
        var out = ByteBuffer()
        out.append("first")
        _ = connection.client.write(from: &out)
        connection.server.note(.readable)
        var into = ByteBuffer()
        #expect(connection.server.read(into: &into, limit: 100) == .moved(5))
        // More has arrived, but no event has said so: a session that asks anyway would find it.
        out.append("second")
        _ = connection.client.write(from: &out)
        #expect(connection.server.isReadable == false)
        #expect(connection.server.read(into: &into, limit: 100) == .wouldBlock)
        connection.server.note(.readable)
        #expect(connection.server.read(into: &into, limit: 100) == .moved(6))
    }

    @Test func `picks the certificate by name: exact, then wildcard, else the first`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [
            files.make("default", names: ["default.example"]), files.make("wild", names: ["*.example.com"]),
            files.make("exact", names: ["login.example.com"]),
        ])
        let client = try TLSContext.client(caFile: files.ca, verify: false)
        for (name, subject) in [
            ("login.example.com", "CN=exact"), ("other.example.com", "CN=wild"), ("a.b.example.com", "CN=default"),
            ("nowhere.test", "CN=default"),
        ] {
            var connection = try Connection(server, client, name: name)
            connection.shakeHands()
            #expect(connection.clientResult == .done)
            #expect(connection.client.tls?.peerCertificateSubject == Array(subject.utf8), "\(name)")
        }
        var nameless = try Connection(server, client, name: nil)
        nameless.shakeHands()
        #expect(nameless.client.tls?.peerCertificateSubject == Array("CN=default".utf8))
    }

    @Test func `an ECDSA and an RSA certificate of the same name serve as a pair`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [
            files.make("rsa", names: ["a.example"], key: "rsa:2048"), files.make("ec", names: ["a.example"]),
        ])
        let client = try TLSContext.client(caFile: files.ca)
        var connection = try Connection(server, client, name: "a.example")
        connection.shakeHands()
        #expect(connection.clientResult == .done)
        #expect(connection.client.tls?.peerCertificateSubject == Array("CN=ec".utf8))
    }

    @Test func `a client refuses a server with another name or another CA`() throws {
        let files = Certificates()
        let stranger = Certificates()
        let server = try TLSContext.server(certificates: [files.make("one", names: ["a.example", "127.0.0.1"])])
        for (ca, name, isGood) in [
            (files.ca, "a.example", true), (files.ca, "b.example", false), (files.ca, "127.0.0.1", true),
            (files.ca, "127.0.0.2", false), (stranger.ca, "a.example", false),
        ] {
            var connection = try Connection(server, try TLSContext.client(caFile: ca), name: name)
            connection.shakeHands()
            #expect((connection.clientResult == .done) == isGood, "\(name)")
            if case .failed(let fault) = connection.clientResult {
                #expect(fault.source == .upstream)
                #expect(fault.detail?.contains("mismatch") == true || fault.detail?.contains("certificate") == true)
            }
        }
    }

    @Test func `asks for client certificates and checks them`() throws {
        let files = Certificates()
        let pair = files.make("one", names: ["a.example"])
        let client = try TLSContext.client(caFile: files.ca, minimumVersion: .v1_2)
        let optional = try TLSContext.server(
            certificates: [pair], clientCA: files.ca, clientVerification: .optional)
        var connection = try Connection(optional, client, name: "a.example")
        connection.shakeHands()
        #expect(connection.serverResult == .done)
        #expect(connection.server.tls?.peerCertificateSubject == nil)
        let required = try TLSContext.server(
            certificates: [pair], clientCA: files.ca, clientVerification: .required)
        var refused = try Connection(required, client, name: "a.example")
        refused.shakeHands()
        #expect(isFailed(refused.serverResult))
    }

    @Test func `refuses a client that speaks no protocol of ours, and takes one that names none`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [files.make("one", names: ["a.example"])])
        var other = try Connection(server, try TLSContext.client(caFile: files.ca, alpn: ["h2"]), name: "a.example")
        other.shakeHands()
        #expect(isFailed(other.serverResult))
        #expect(isFailed(other.clientResult))
        var silent = try Connection(server, try TLSContext.client(caFile: files.ca, alpn: []), name: "a.example")
        silent.shakeHands()
        #expect(silent.serverResult == .done)
        #expect(silent.server.tls?.alpn == [])
        var second = try Connection(
            server, try TLSContext.client(caFile: files.ca, alpn: ["h2", "http/1.1"]), name: "a.example")
        second.shakeHands()
        #expect(second.client.tls?.alpn == Array("http/1.1".utf8))
    }

    @Test func `bytes that are not TLS are a fault of the downstream`() throws {
        let files = Certificates()
        let server = try TLSContext.server(certificates: [files.make("one", names: ["a.example"])])
        let (left, right) = socketPair()
        var stream = Stream(descriptor: Descriptor(owning: left), tls: try server.session(fd: left))
        var plain = Stream(descriptor: Descriptor(owning: right))
        var out = ByteBuffer()
        out.append("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = plain.write(from: &out)
        guard case .failed(let fault) = stream.handshake() else {
            Issue.record("shook hands with HTTP")
            return
        }
        #expect(fault.source == .downstream && fault.detail != nil)
    }

    @Test func `a problem names the file that is wrong`() throws {
        let files = Certificates()
        let one = files.make("one", names: ["a.example"])
        let two = files.make("two", names: ["a.example"])
        let rsa = files.make("rsa", names: ["a.example"], key: "rsa:2048")
        func problem(_ certificate: String, _ key: String, ca: String? = nil) -> TLSProblem? {
            #expect(throws: TLSProblem.self) {
                _ = try TLSContext.server(
                    certificates: [TLSContext.KeyPair(certificatePath: certificate, keyPath: key)], clientCA: ca,
                    clientVerification: ca == nil ? .none : .required)
            }
        }
        let missing = problem("/nowhere/a.pem", one.keyPath)
        #expect(missing?.path == "/nowhere/a.pem")
        #expect(missing?.what.contains("No such file") == true)
        #expect(problem(one.certificatePath, "/nowhere/a.key")?.path == "/nowhere/a.key")
        #expect(problem(one.keyPath, one.keyPath)?.path == one.keyPath)
        #expect(problem(one.certificatePath, one.certificatePath)?.path == one.certificatePath)
        for other in [two, rsa] {
            let mismatch = problem(one.certificatePath, other.keyPath)
            #expect(mismatch?.path == other.keyPath)
            #expect(mismatch?.what == "the key does not belong to the certificate \(one.certificatePath)")
        }
        #expect(problem(one.certificatePath, one.keyPath, ca: "/nowhere/ca.pem")?.path == "/nowhere/ca.pem")
    }

    @Test func `the second connection to a server resumes, also after the server was reloaded`() throws {
        let files = Certificates()
        let pair = files.make("one", names: ["a.example"])
        for version in [TLSContext.Version.v1_2, .v1_3] {
            let server = try TLSContext.server(certificates: [pair], minimumVersion: version)
            let client = try TLSContext.client(caFile: files.ca, minimumVersion: version)
            var first = try Connection(server, client, name: "a.example")
            first.shakeHands()
            // TLS 1.3 gives its tickets after the handshake: the client finds them when it reads.
            first.noteAll()
            var into = ByteBuffer()
            _ = first.client.read(into: &into, limit: 100)
            #expect(first.client.tls?.isResumed == false)
            var second = try Connection(server, client, name: "a.example")
            second.shakeHands()
            second.noteAll()
            _ = second.client.read(into: &into, limit: 100)
            #expect(second.client.tls?.isResumed == true)
            #expect(second.server.tls?.isResumed == true)
            let reloaded = try TLSContext.server(certificates: [pair], minimumVersion: version, replacing: server)
            var third = try Connection(reloaded, client, name: "a.example")
            third.shakeHands()
            #expect(third.server.tls?.isResumed == true)
            #expect(third.carry(1000).count == 1000)
        }
    }
}
