<?php

// The site answers /api/messages-token with this file. What stands in the session is your login's.
require __DIR__ . '/messages_token.php';

session_start(['read_and_close' => true]);
header('Cache-Control: no-store');
if (!isset($_SESSION['user'])) {
    http_response_code(401);
    exit;
}
header('Content-Type: application/json');
echo json_encode(['token' => messages_token((string) $_SESSION['user']['id'], $_SESSION['user']['name'])]);
