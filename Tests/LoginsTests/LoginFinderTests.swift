// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct LoginFinderTests {
    private func find(_ form: String) -> String? {
        var values = NamedValues()
        if form.hasPrefix("{") {
            try? JSONReader.read(Array(form.utf8).span, into: &values)
        } else {
            FormReader.read(Array(form.utf8).span, into: &values)
        }
        guard let found = LoginFinder.find(in: values) else { return nil }
        guard let place = found else { return "" }
        return String(decoding: values.arena[values.entries[place].name.bounds], as: UTF8.self)
    }

    @Test(arguments: [
        ("username=a&password=b", "username"), ("user[email]=a&user[password]=b&x=1", "user[email]"),
        ("log=a&pwd=b", "log"), (#"{"credentials":{"login":"a","passwd":"b"},"name":"c"}"#, "credentials.login"),
        ("Input.Email=a&Input.Password=b", "Input.Email"), ("password=b", ""),
        ("grant_type=password&username=a&password=b", "username"),
    ])
    func `one password is a login`(_ form: String, _ name: String) { #expect(find(form) == name) }

    @Test(arguments: [
        "q=shoes", "email=a", "email=a&password=b&password_confirmation=b", "old_password=a&new_password=b",
        "grant_type=client_credentials", #"{"compass":"n","passenger":"b"}"#,
    ])
    func `none, or two, are none`(_ form: String) { #expect(find(form) == nil) }

    @Test(arguments: [
        ("/login", "/login"), ("//api//v2/login/", "/api/v2/login"), ("/", "/"), ("/u/42/login", "/u/{}/login"),
        ("/t/9f8e7d6c/x", "/t/{}/x"), ("/\u{e9}/x", "/{}/x"), ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/..."),
        ("/\(String(repeating: "a", count: 40))", "/{}"),
    ])
    func `what varies in a path is one route`(_ path: String, _ shape: String) {
        var out: [UInt8] = []
        LoginFinder.appendShape(of: Array(path.utf8).span, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == shape)
    }

    @Test func `a watch keeps a bounded number of found routes, forgets what is gone and remembers what was learnt`() {
        var watch = LoginWatch()
        func event(_ route: String, provisional: Bool, shape: AnswerShape? = nil) -> LoginEvent {
            var event = LoginEvent(capacity: 64)
            event.texts.service = event.add(Array("sso".utf8))
            event.texts.route = event.add(Array(route.utf8))
            event.isProvisional = provisional
            event.status = 200
            event.shape = shape
            return event
        }
        for number in 0..<1_000 { _ = watch.take(event("/r\(number)", provisional: true), unixSeconds: 1) }
        #expect(watch.routes.count == LoginWatch.provisionalLimit && watch.overflow == 968)
        let shape = AnswerShape(status: 302, signs: [.redirects, .setsCookie])
        _ = watch.take(event("web", provisional: false, shape: shape), unixSeconds: 1)
        #expect(watch.hasNews && watch.routes.count == LoginWatch.provisionalLimit + 1)
        var again = LoginWatch()
        again.restore(watch.saved)
        _ = again.take(event("web", provisional: false), unixSeconds: 2)
        #expect(again.routes.first?.learner.clusters.first?.shape == shape)
        watch.keep(services: ["sso"], declared: [])
        #expect(!watch.routes.contains { $0.route == "web" })
    }
}
