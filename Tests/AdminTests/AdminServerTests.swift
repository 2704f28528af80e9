// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import Transport
import Wire

@testable import Admin

@Suite(.serialized) struct AdminServerTests {
    @Test func `every endpoint answers`() throws {
        let desk = try Operator(metrics: { [MetricFamily("a", .gauge, "A.", value: 1)] })
        #expect(try desk.get("/livez")?.body == "ok\n")
        #expect(try desk.get("/healthz")?.status == 200)
        #expect(try desk.get("/readyz")?.body == "ok\n")
        #expect(try desk.get("/status")?.body == "{\"pid\":1}\n")
        #expect(try desk.get("/metrics")?.body == "# HELP a A.\n# TYPE a gauge\na 1\n")
        #expect(try desk.get("/api/v1/events")?.body == "[]\n")
        #expect(try desk.get("/reload", "POST")?.body == "{\"generation\":1}\n")
    }

    @Test func `an answer says its type, its length, and that it is the last`() throws {
        let answer = try #require(try Operator().get("/livez"))
        for line in [
            "HTTP/1.1 200 OK", "Content-Type: text/plain; charset=utf-8", "Content-Length: 3",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff", "Connection: close",
        ] {
            #expect(answer.head.split(separator: "\r\n").contains { $0 == line }, "\(line)")
        }
    }

    @Test func `HEAD is answered without a body`() throws {
        let answer = try #require(try Operator().get("/status", "HEAD"))
        #expect(answer.status == 200 && answer.body.isEmpty && answer.head.contains("Content-Length: 10"))
    }

    @Test func `what is not ready is said with its reason`() throws {
        let desk = try Operator(readiness: { [("loops", nil), ("upstreams", "no server for sso")] })
        let answer = try #require(try desk.get("/readyz"))
        #expect(answer.status == 503)
        #expect(answer.body == "[+] loops\n[-] upstreams: no server for sso\nnot ready\n")
    }

    // MARK: Reload

    @Test func `a reload that fails is a conflict with every problem`() throws {
        let desk = try Operator(reload: { $0(3, [], ["a.yaml:1:2: error: \"x\"", "b"]) })
        let answer = try #require(try desk.get("/reload", "POST"))
        #expect(answer.status == 409)
        #expect(
            answer.body
                == #"{"title":"the old configuration stays","status":409,"problems":["a.yaml:1:2: error: \"x\"","b"]}"#
                + "\n")
    }

    @Test func `a reload says what waits for a restart`() throws {
        let desk = try Operator(reload: { $0(4, ["admin", "workers"], []) })
        #expect(
            try desk.get("/reload", "POST")?.body == #"{"generation":4,"needs_restart":["admin","workers"]}"# + "\n")
    }

    @Test func `the answer to a reload may come late and from another thread`() throws {
        let held = HeldReloads()
        let desk = try Operator(reload: { held.add($0) })
        let waiting = try desk.connect()
        waiting.send(Array("POST /reload HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        do {
            // One who asks and goes away is no harm.
            let gone = try desk.connect()
            gone.send(Array("POST /reload HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            #expect(eventually { held.count == 2 })
        }
        #expect(try desk.get("/livez")?.status == 200)
        held.finish()
        #expect(waiting.readAnswer()?.body == "{\"generation\":7}\n")
        #expect(try desk.get("/livez")?.status == 200)
    }

    // MARK: Events

    @Test func `events are asked for by name, address and number`() throws {
        let desk = try Operator(events: { limit, login, client in
            .success(["\"\(limit) \(login ?? "-") \(client ?? "-")\""])
        })
        #expect(try desk.get("/api/v1/events")?.body == "[\"100 - -\"]\n")
        #expect(
            try desk.get("/api/v1/events?limit=5&login=a%20b&ip=2001:DB8:0::1")?.body == "[\"5 a b 2001:db8::1\"]\n")
    }

    @Test(arguments: [
        "limit=0", "limit=10001", "limit=x", "limit=", "limit=-1", "limit=99999999999999999999", "ip=nowhere",
    ])
    func `a question about events that makes no sense is refused`(_ query: String) throws {
        #expect(try Operator().get("/api/v1/events?\(query)")?.status == 400)
    }

    @Test func `an archive that cannot answer says why`() throws {
        let desk = try Operator(events: { _, _, _ in .failure(AdminTrouble(status: 404, "no archive")) })
        let answer = try #require(try desk.get("/api/v1/events"))
        #expect(answer.status == 404 && answer.body.contains("no archive"))
    }

    // MARK: Bad requests and bounds

    @Test(arguments: [
        ("nonsense\r\n\r\n", 400), ("GET /livez HTTP/1.1\r\n\r\n", 400),
        ("GET /livez HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("GET /livez HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400), ("GET /livez HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET /livez HTTP/1.1\nHost: a\n\n", 400), ("GET livez HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("DELETE /livez HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("GET /livez/ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    ])
    func `a bad request is refused`(_ bytes: String, _ status: Int) throws {
        let answer = try #require(try Operator().answer(bytes))
        #expect(answer.status == status)
        #expect(answer.head.contains("Content-Type: application/problem+json"))
        #expect(answer.body.contains("\"status\":\(status)"))
    }

    @Test func `a head beyond 16 KiB is refused, and the refusal arrives`() throws {
        let desk = try Operator()
        for count in [17_000, 60_000, 200_000] {
            let head = "GET /livez HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: count) + "\r\n\r\n"
            #expect(try desk.answer(head)?.status == 431, "\(count) bytes")
        }
    }

    @Test func `a head that comes byte by byte is answered`() throws {
        let desk = try Operator()
        let client = try desk.connect()
        for byte in Array("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".utf8) { client.send([byte]) }
        #expect(client.readAnswer()?.body == "ok\n")
    }

    @Test func `one connection carries one request`() throws {
        let twice = String(repeating: "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", count: 2)
        let desk = try Operator()
        let client = try desk.connect()
        client.send(Array(twice.utf8))
        let (bytes, isClean) = client.readAll()
        #expect(String(decoding: bytes, as: UTF8.self).split(separator: "HTTP/1.1 200").count == 1)
        #expect(isClean)
    }

    @Test func `more than 64 who say nothing are turned away, and the rest is served when they go`() throws {
        let desk = try Operator()
        var silent: [Client] = []
        for _ in 0..<64 { silent.append(try desk.connect()) }
        // They were accepted in order: who came later is turned away at once.
        let late = try desk.connect()
        #expect(late.readAll().bytes.isEmpty)
        silent.removeAll()
        #expect(eventually { (try? desk.get("/livez"))??.status == 200 })
    }

    // MARK: The socket

    @Test func `it listens on loopback and on Unix sockets only`() {
        #expect(throws: Fault.self) {
            _ = try AdminServer(
                address: .ip(.init("0.0.0.0")!, 0),
                actions: AdminActions(
                    metrics: { [] }, status: { [] }, readiness: { [] }, events: { _, _, _ in .success([]) },
                    reload: { $0(1, [], []) }))
        }
    }

    @Test func `a Unix socket belongs to user and group and goes with the server`() throws {
        let path = "/tmp/loginward-admin-\(getpid()).sock"
        let server = try AdminServer(
            address: .unix(path),
            actions: AdminActions(
                metrics: { [] }, status: { [] }, readiness: { [] }, events: { _, _, _ in .success([]) },
                reload: { $0(1, [], []) }))
        var status = stat()
        #expect(unsafe lstat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        guard case .success(let answer) = AdminClient.ask("GET", "/livez", at: .unix(path)) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.status == 200 && answer.body == Array("ok\n".utf8))
        server.stop()
        #expect(unsafe lstat(path, &status) != 0)
        guard case .failure(let fault) = AdminClient.ask("GET", "/livez", at: .unix(path)) else {
            Issue.record("an answer from nobody")
            return
        }
        #expect(fault.errno == ENOENT)
    }
}
