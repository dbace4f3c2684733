// app/api/messages-token/route.js
import { SignJWT } from "jose";
import { auth } from "@/auth";

export const dynamic = "force-dynamic";

export async function GET() {
  const { user } = (await auth()) ?? {};
  if (!user?.id) return new Response(null, { status: 401 });
  const token = await new SignJWT({ name: user.name, picture: user.image })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user.id)
    .setIssuedAt()
    .setExpirationTime("15m")
    .sign(new TextEncoder().encode(process.env.CAUSERIE_JWT_SECRET));
  return Response.json({ token }, { headers: { "Cache-Control": "no-store" } });
}
