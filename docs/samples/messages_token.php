<?php

declare(strict_types=1);

/**
 * Says to Causerie who is logged in. Nothing but PHP is needed.
 *
 * `$id` is the site's own, never given to anybody else; `$name` and `$picture` (https) are what others see.
 */
function messages_token(string $id, string $name, ?string $picture = null): string
{
    $secret = getenv('CAUSERIE_JWT_SECRET') ?: throw new RuntimeException('CAUSERIE_JWT_SECRET is not set');
    $base64url = fn (string $data): string => rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
    $now = time();
    $claims = ['sub' => $id, 'name' => $name, 'picture' => $picture, 'iat' => $now, 'exp' => $now + 15 * 60];
    $parts = [['alg' => 'HS256', 'typ' => 'JWT'], $claims];
    $signed = implode('.', array_map(fn (array $part): string => $base64url(json_encode($part, JSON_THROW_ON_ERROR)), $parts));

    return $signed . '.' . $base64url(hash_hmac('sha256', $signed, $secret, true));
}
