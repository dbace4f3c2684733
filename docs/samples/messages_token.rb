# frozen_string_literal: true

require "json"
require "openssl"

# Says to Causerie who is logged in. Nothing but Ruby is needed.
module MessagesToken
  SECONDS = 15 * 60

  # `id` is the site's own, never given to anybody else; `name` and `picture` (https) are what others see.
  def self.for(id:, name:, picture: nil)
    now = Time.now.to_i
    claims = { sub: id.to_s, name: name, picture: picture, iat: now, exp: now + SECONDS }
    signed = [{ alg: "HS256", typ: "JWT" }, claims].map { |part| base64url(JSON.generate(part)) }.join(".")
    "#{signed}.#{base64url(OpenSSL::HMAC.digest("SHA256", ENV.fetch("CAUSERIE_JWT_SECRET"), signed))}"
  end

  def self.base64url(data)
    [data].pack("m0").tr("+/", "-_").delete("=")
  end
end
